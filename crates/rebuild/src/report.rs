//! Writes the progress of a rebuild to its row, where other processes read it, and reads there whether the rebuild is to
//! end.

use std::time::{Duration, Instant};

use views::{Session, SessionKind};

use crate::context::Context;
use crate::error::{Error, Result};
use crate::json::to_json;

/// For watchers in this process, such as a progress bar.
const PUBLISH_EVERY: Duration = Duration::from_millis(200);
const WRITE_EVERY: Duration = Duration::from_secs(1);

/// Why this process is to end the rebuild or leave it alone.
pub(crate) enum RowEnd {
    /// Another process drives the rebuild or has ended it.
    Lost,
    /// Somebody has asked in this program to cancel it.
    CancelRequested { by: String },
}

/// Writes once a second. Errors other than those in [`RowEnd`] are not reported here: the steps meet them too, and handle
/// them.
pub(crate) async fn report_until_row_ends(context: Context) -> RowEnd {
    let mut session: Option<Session> = None;
    let mut written = Instant::now();
    loop {
        tokio::time::sleep(PUBLISH_EVERY).await;
        let progress = context.meter.publish();
        if written.elapsed() < WRITE_EVERY {
            continue;
        }
        written = Instant::now();
        let progress = to_json(&progress);
        if session.as_ref().is_none_or(Session::is_closed) {
            let database = &context.settings.database;
            session = database.session("food-orders rebuild progress", SessionKind::Reports).await.ok();
        }
        let Some(session) = &session else { continue };
        match context.owner.save_progress(session, &progress).await {
            Err(views::Error::NotTheOwner { .. }) => return RowEnd::Lost,
            Err(error) => tracing::debug!(%error, "the progress of a rebuild was not recorded"),
            Ok(Some(by)) => return RowEnd::CancelRequested { by },
            Ok(None) => {}
        }
    }
}

/// Writes the last progress. Failing to do so changes nothing about the rebuild.
pub(crate) async fn report_last(context: &Context) {
    if let Err(error) = save(context).await {
        tracing::debug!(%error, "the progress of a rebuild was not recorded");
    }
}

async fn save(context: &Context) -> Result<()> {
    let progress = to_json(&context.meter.publish());
    let session = context.session(SessionKind::Short).await?;
    context.owner.save_progress(&session, &progress).await.map_err(Error::from_row_change)?;
    Ok(())
}
