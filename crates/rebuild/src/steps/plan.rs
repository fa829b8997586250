//! State `planned`: finds out what the rebuild will take, and makes the new build.

use views::Session;
use views::rebuild::{RebuildRow, State, drop_leftovers};

use super::StepEnd;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::json::to_json;
use crate::planning::{self, Purpose};

pub(crate) async fn run(context: &Context, mut session: Session, row: &RebuildRow) -> Result<StepEnd> {
    for build in drop_leftovers(&mut session, &context.view).await? {
        tracing::info!(%build, "dropped a build that an earlier rebuild left behind");
    }
    let keeps_history = row.keep_history.is_some();
    let purpose = Purpose { view: &context.view, is_dry_run: false, keeps_history };
    let (plan, refusal) = planning::make(&context.settings, &session, purpose).await?;
    if let Some(mut failure) = refusal {
        failure.plan = Some(plan);
        return Ok(StepEnd::Failed(Box::new(failure)));
    }
    let log = plan.log_identity();
    let limit = context.settings.codec.max_record_bytes;
    let live = views::builds::active(&session).await?;
    if let Some(live) = live.max_record_bytes.filter(|live| *live != limit) {
        tracing::warn!(
            limit_of_the_live_build = live,
            own_setting = limit,
            "MAX_RECORD_BYTES differs from the limit that the live build was made with: the new build is another \
             projection, and once it is active, older complete cuts are answered with 410"
        );
    }
    let parts = row.parts.unwrap_or(live.parts);
    let created = context.owner.create_build(&mut session, &log, limit, parts, &to_json(&plan)).await;
    created.map_err(Error::from_row_change)?;
    Ok(StepEnd::Next(State::Loading))
}
