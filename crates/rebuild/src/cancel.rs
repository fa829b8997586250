//! Cancelling a rebuild from outside, whichever process drives it.

use std::time::{Duration, Instant};

use views::rebuild::{self as rows, RebuildRow, RowOwner, RunnerLock, State};

use crate::error::{Error, Result};
use crate::ownership::{abandon_cancelled, check_view, open_session, owner_name};
use crate::resource::RebuildView;
use crate::settings::Settings;

/// How long the process that drives a rebuild may take to notice and to drop its tables.
const END_LIMIT: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Asks the process that drives a rebuild to cancel it, which it does within a second or two. If no process drives it,
/// it is cancelled at once. A rebuild that is cancelled already stays so. Fails with [`Error::Ended`] if the rebuild
/// has ended in another way.
pub async fn cancel(settings: &Settings, id: i64) -> Result<RebuildView> {
    let mut session = open_session(settings).await?;
    let is_asked = rows::request_cancel(&mut session, id, &settings.process).await?;
    let mut row = rows::get(&session, id).await?.ok_or(Error::UnknownRebuild { id })?;
    if is_asked && end_if_left_behind(settings, &row).await? {
        row = rows::get(&session, id).await?.ok_or(Error::UnknownRebuild { id })?;
    }
    if row.state == State::Cancelled || row.finished_at.is_none() {
        return Ok(row.into());
    }
    Err(Error::Ended { id, state: row.state })
}

/// Cancels the unfinished rebuild of a view and waits until it has ended. Returns `None` if there is none.
pub async fn cancel_unfinished(settings: &Settings, view: &str) -> Result<Option<RebuildView>> {
    check_view(view)?;
    let session = open_session(settings).await?;
    let Some(row) = rows::running(&session, view).await? else { return Ok(None) };
    let deadline = Instant::now() + END_LIMIT;
    loop {
        // It asks each time, because the process that drives the rebuild may be killed meanwhile.
        let rebuild = cancel(settings, row.id).await?;
        if rebuild.finished_at.is_some() {
            return Ok(Some(rebuild));
        }
        if Instant::now() > deadline {
            let runner = rebuild.runner.unwrap_or_default();
            return Err(Error::NotEnded { id: row.id, runner, seconds: END_LIMIT.as_secs() });
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Ends the rebuild if no process drives it: it waits in `ready`, or its process was killed.
async fn end_if_left_behind(settings: &Settings, row: &RebuildRow) -> Result<bool> {
    let Some(_lock) = RunnerLock::take(&settings.database, &row.view).await? else { return Ok(false) };
    let session = open_session(settings).await?;
    // Read again under the lock: its owner may have made the build, or ended the rebuild, a moment ago.
    if let Some(row) = rows::get(&session, row.id).await?.filter(|row| row.finished_at.is_none()) {
        let owner = RowOwner { rebuild: row.id, name: owner_name(settings) };
        owner.adopt(&session, row.switch, None, None).await?;
        abandon_cancelled(settings, &owner, row.build, &settings.process).await?;
    }
    Ok(true)
}
