//! Writes the progress of a rebuild to its row, for whoever reads it in another process.

use std::time::Duration;

use views::{Session, SessionKind};

use crate::context::Context;
use crate::error::{Error, Result};
use crate::json::to_json;

const REPORT_EVERY: Duration = Duration::from_secs(1);

/// Writes once a second. Returns only when the row has another owner or another process has ended
/// the rebuild. Other errors are not reported here: the steps meet them too, and handle them.
pub(crate) async fn report_until_row_is_lost(context: Context) {
    let mut session: Option<Session> = None;
    loop {
        tokio::time::sleep(REPORT_EVERY).await;
        let progress = to_json(&context.meter.publish());
        if session.as_ref().is_none_or(Session::is_closed) {
            let database = &context.settings.database;
            session = database.session("food-orders rebuild progress", SessionKind::Reports).await.ok();
        }
        let Some(session) = &session else { continue };
        match context.owner.save_progress(session, &progress).await {
            Err(views::Error::NotTheOwner { .. }) => return,
            Err(error) => tracing::debug!(%error, "the progress of a rebuild was not recorded"),
            Ok(()) => {}
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
    context.owner.save_progress(&session, &progress).await.map_err(Error::from_row_change)
}
