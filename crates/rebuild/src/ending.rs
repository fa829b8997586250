//! Ending a rebuild without switching to its build.

use views::rebuild::{self as rows, Ending, State};
use views::{Build, SessionKind};

use crate::context::Context;
use crate::error::{Error, Result};
use crate::failure::Failure;
use crate::json::{from_json, to_json};
use crate::outcome::{FailureCause, Outcome};
use crate::ownership::abandon_cancelled;
use crate::plan::Plan;
use crate::report;

/// Ends the rebuild that this process drives as cancelled, and drops its build. `by`: the program in which somebody has
/// asked for it.
pub(crate) async fn cancel(context: &Context, by: &str) -> Result<Outcome> {
    let build = build_to_drop(context).await?;
    match abandon_cancelled(&context.settings, &context.owner, build, by).await? {
        Some(reason) => Ok(Outcome::Cancelled { reason }),
        None => recorded_outcome(context).await,
    }
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

/// For a row that has refused a change of this process: somebody has asked to cancel the rebuild, or it has ended, or
/// another process drives it.
pub(crate) async fn let_go(context: &Context) -> Result<Outcome> {
    let session = context.session(SessionKind::Short).await?;
    let row = rows::get(&session, context.owner.rebuild).await?.ok_or(Error::NotOwner)?;
    let is_ours = row.runner.as_deref() == Some(&context.owner.name) && row.finished_at.is_none();
    match row.cancel_requested_by.filter(|_| is_ours) {
        Some(by) => cancel(context, &by).await,
        None => recorded_outcome(context).await,
    }
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
    let build = build_to_drop(context).await?;
    let mut session = context.session(SessionKind::Short).await?;
    Ok(context.owner.abandon(&mut session, ending, build, keep_build).await?)
}

/// Records the last progress as well.
async fn build_to_drop(context: &Context) -> Result<Option<Build>> {
    let session = context.session(SessionKind::Short).await?;
    let row = rows::get(&session, context.owner.rebuild).await?;
    report::report_last(context).await;
    Ok(row.and_then(|row| row.build))
}
