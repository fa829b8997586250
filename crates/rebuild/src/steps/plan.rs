//! State `planned`: finds out what the rebuild will take, and makes the new build.

use views::rebuild::{self as rows, State};
use views::{Session, builds, log_identity};

use super::StepEnd;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::json::to_json;
use crate::plan;

pub(crate) async fn run(context: &Context, mut session: Session) -> Result<StepEnd> {
    for build in rows::drop_leftovers(&mut session.client, &context.view).await? {
        tracing::info!(build, "dropped a build that an earlier rebuild left behind");
    }
    let (plan, refusal) = plan::make(&context.settings, &session, &context.view).await?;
    if let Some(mut failure) = refusal {
        failure.plan = Some(plan);
        return Ok(StepEnd::Failed(Box::new(failure)));
    }
    let during = views::Error::during("making a new build");
    let tx = session.client.transaction().await.map_err(&during)?;
    let build = builds::create(&tx).await?;
    log_identity::record(&tx, build, &plan.log_identity()).await?;
    rows::save_plan(&tx, &context.row, build, &to_json(&plan)).await.map_err(Error::from_row_change)?;
    rows::advance(&tx, &context.row, State::Planned, State::Loading).await.map_err(Error::from_row_change)?;
    tx.commit().await.map_err(&during)?;
    Ok(StepEnd::Next(State::Loading))
}
