//! Who drives a rebuild: one process at a time, which holds the lock of the view and
//! whose name stands in the rebuild's row.

use std::time::Duration;

use retry::retry_within;
use views::rebuild::{self as rows, Ending, RebuildRow, RowOwner, RunnerLock, State};
use views::{Build, ORDERS, PROJECTION_VERSION, Session, SessionKind};

use crate::error::{Error, Result};
use crate::settings::Settings;

/// How long to wait for a lock whose holder has no unfinished rebuild: the holder has just ended
/// its rebuild, or is about to record one. Or it is a session that this process has lost, and the
/// server has not ended it yet.
const LOCK_WAIT_LIMIT: Duration = Duration::from_secs(5);

pub(crate) fn check_view(view: &str) -> Result<()> {
    if view == ORDERS { Ok(()) } else { Err(Error::UnknownView(view.to_owned())) }
}

pub(crate) async fn open_session(settings: &Settings) -> Result<Session> {
    Ok(settings.database.session("food-orders rebuild", SessionKind::Short).await?)
}

/// A name that an operator can read and that no two processes share: by it, the database refuses
/// what an earlier owner still tries to write.
pub(crate) fn owner_name(settings: &Settings) -> String {
    let host = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    let host = host.unwrap_or_else(|| "unknown host".into());
    let random = uuid::Uuid::new_v4().as_fields().0;
    format!("{}, process {} on {host}, {random:08x}", settings.process, std::process::id())
}

/// Fails with [`Error::AlreadyRunning`] if another process drives a rebuild of this view.
pub(crate) async fn take_lock(settings: &Settings, view: &str) -> Result<RunnerLock> {
    wait_for_lock(settings, view, None).await
}

/// For the process that drives the rebuild, after it has lost the session that held the lock. Fails with
/// [`Error::NotOwner`] if another process was faster.
pub(crate) async fn take_lock_again(settings: &Settings, view: &str, owner: &RowOwner) -> Result<RunnerLock> {
    match wait_for_lock(settings, view, Some(owner)).await {
        Err(Error::AlreadyRunning { .. }) => Err(Error::NotOwner),
        taken => taken,
    }
}

async fn wait_for_lock(settings: &Settings, view: &str, own: Option<&RowOwner>) -> Result<RunnerLock> {
    let may_wait = |error: &Error| matches!(error, Error::LockHeld { .. });
    retry_within("the lock for rebuilds", LOCK_WAIT_LIMIT, may_wait, || try_lock(settings, view, own)).await
}

async fn try_lock(settings: &Settings, view: &str, own: Option<&RowOwner>) -> Result<RunnerLock> {
    if let Some(lock) = RunnerLock::take(&settings.database, view).await? {
        return Ok(lock);
    }
    let session = open_session(settings).await?;
    let is_of_another = |row: &RebuildRow| own.is_none_or(|own| row.runner.as_ref() != Some(&own.name));
    let Some(row) = rows::running(&session, view).await?.filter(is_of_another) else {
        return Err(Error::LockHeld { view: view.to_owned() });
    };
    let runner = row.runner.unwrap_or_else(|| "another process".into());
    Err(Error::AlreadyRunning { view: view.to_owned(), id: row.id, runner })
}

/// Makes an unfinished rebuild ready to be continued under its new owner. A build that was
/// verified has to be caught up and verified again. Returns false, and ends the rebuild, if
/// somebody has asked to cancel it, or its build was made by another version of the code.
pub(crate) async fn take_over(
    settings: &Settings,
    session: &Session,
    owner: &RowOwner,
    row: &RebuildRow,
) -> Result<bool> {
    if let Some(by) = &row.cancel_requested_by {
        abandon_cancelled(settings, owner, row.build, by).await?;
        return Ok(false);
    }
    let version = build_version(session, row).await?;
    if version != PROJECTION_VERSION {
        let reason = format!(
            "its build has projection version {version}, and this program makes version {PROJECTION_VERSION}"
        );
        let ending = Ending { state: State::Failed, reason: &reason, plan: None, differences: None };
        let mut session = open_session(settings).await?;
        owner.abandon(&mut session, &ending, row.build, false).await?;
        return Ok(false);
    }
    if matches!(row.state, State::Verifying | State::Ready | State::Switching) {
        owner.advance(session, row.state, State::CatchingUp).await?;
    }
    Ok(true)
}

/// Ends a rebuild of this owner as cancelled, and drops its build. Returns the reason that is recorded; `None` if the
/// rebuild had ended before.
pub(crate) async fn abandon_cancelled(
    settings: &Settings,
    owner: &RowOwner,
    build: Option<Build>,
    by: &str,
) -> Result<Option<String>> {
    let reason = format!("cancelled in {by}");
    let ending = Ending { state: State::Cancelled, reason: &reason, plan: None, differences: None };
    let mut session = open_session(settings).await?;
    let has_ended = owner.abandon(&mut session, &ending, build, false).await?;
    Ok(has_ended.then_some(reason))
}

/// The projection version of the rebuild's build; our own if it has none yet.
pub(crate) async fn build_version(session: &Session, row: &RebuildRow) -> Result<i32> {
    match row.build {
        Some(build) => Ok(build.projection_version(session).await?),
        None => Ok(PROJECTION_VERSION),
    }
}

#[cfg(test)]
mod tests;
