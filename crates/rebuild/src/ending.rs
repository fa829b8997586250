//! Ending a rebuild without switching to its build.

use views::SessionKind;
use views::rebuild::{self as rows, Ending, RowOwner, State};

use crate::context::Context;
use crate::error::{Error, Result};
use crate::failure::Failure;
use crate::json::{from_json, to_json};
use crate::outcome::{FailureCause, Outcome};
use crate::ownership::{check_view, open_session, owner_name, take_lock};
use crate::plan::Plan;
use crate::report;
use crate::settings::Settings;

/// Cancels the unfinished rebuild that no process drives: it waits in `ready`, or its process
/// was killed. Returns its id, or `None` if there is none. Fails with
/// [`Error::AlreadyRunning`] while a process drives it.
pub async fn cancel_left_behind(settings: &Settings, view: &str) -> Result<Option<i64>> {
    check_view(view)?;
    let _lock = take_lock(settings, view).await?;
    let mut session = open_session(settings).await?;
    let Some(row) = rows::running(&session, view).await? else { return Ok(None) };
    let owner = RowOwner { rebuild: row.id, name: owner_name(settings) };
    owner.adopt(&session, row.switch, None, None).await?;
    let reason = cancelled_in(settings);
    let ending = Ending { state: State::Cancelled, reason: &reason, plan: None, differences: None };
    owner.abandon(&mut session, &ending, row.build, false).await?;
    Ok(Some(row.id))
}

/// Ends the rebuild that this process drives as cancelled, and drops its build.
pub(crate) async fn cancel(context: &Context) -> Result<Outcome> {
    let reason = cancelled_in(&context.settings);
    let ending = Ending { state: State::Cancelled, reason: &reason, plan: None, differences: None };
    if end(context, &ending, false).await? {
        return Ok(Outcome::Cancelled { reason });
    }
    recorded_outcome(context).await
}

/// Ends the rebuild that this process drives as failed. A build that differs from the log
/// stays until the next rebuild begins, so that a person can look at it.
pub(crate) async fn fail(context: &Context, failure: Failure) -> Result<Outcome> {
    let plan = failure.plan.as_ref().map(to_json);
    let differences = failure.differences.as_ref().map(to_json);
    let ending = Ending {
        state: State::Failed,
        reason: &failure.reason,
        plan: plan.as_ref(),
        differences: differences.as_ref(),
    };
    if end(context, &ending, failure.cause == FailureCause::Difference).await? {
        return Ok(Outcome::Failed { cause: failure.cause, reason: failure.reason });
    }
    recorded_outcome(context).await
}

/// Leaves the rebuild as it is for the next start. If it has ended already, that is what came of it: the request to pause
/// may come right after the switch.
pub(crate) async fn pause(context: &Context) -> Outcome {
    recorded_outcome(context).await.unwrap_or(Outcome::Paused)
}

/// What the row says about a rebuild that this process does not drive any more. Another
/// process has ended it, or this one did in a commit whose answer was lost.
pub(crate) async fn recorded_outcome(context: &Context) -> Result<Outcome> {
    let session = context.session(SessionKind::Short).await?;
    let row = rows::get(&session, context.owner.rebuild).await?.ok_or(Error::NotOwner)?;
    let reason = row.reason.unwrap_or_default();
    match (row.state, row.build) {
        (State::Active, Some(build)) => {
            let plan: Option<Plan> = from_json(row.plan);
            Ok(Outcome::Active { build: build.0, replaced: plan.map(|plan| plan.live_build) })
        }
        (State::Cancelled, _) => Ok(Outcome::Cancelled { reason }),
        (State::Failed, _) if row.differences.is_some() => {
            Ok(Outcome::Failed { cause: FailureCause::Difference, reason })
        }
        (State::Failed, _) => Ok(Outcome::Failed { cause: FailureCause::Unexpected, reason }),
        _ => Err(Error::NotOwner),
    }
}

/// Returns false if the rebuild had ended before.
async fn end(context: &Context, ending: &Ending<'_>, keep_build: bool) -> Result<bool> {
    let mut session = context.session(SessionKind::Short).await?;
    let row = rows::get(&session, context.owner.rebuild).await?;
    report::report_last(context).await;
    let build = row.and_then(|row| row.build);
    Ok(context.owner.abandon(&mut session, ending, build, keep_build).await?)
}

fn cancelled_in(settings: &Settings) -> String {
    format!("cancelled in {}", settings.process)
}
