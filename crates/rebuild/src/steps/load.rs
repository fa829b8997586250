//! State `loading`: copies the history up to the planned ends, without indexes and without
//! orders. A load that was interrupted continues at the positions that it has committed.

use views::rebuild::State;
use views::{Build, SessionKind};

use super::StepEnd;
use crate::context::Context;
use crate::error::Result;
use crate::plan::Plan;

pub(crate) async fn run(context: &Context, build: Build, plan: &Plan) -> Result<StepEnd> {
    let mut writer = context.history_writer(build);
    writer.apply_up_to(&plan.ends()).await?;
    // Its sessions end before the next state begins.
    drop(writer);
    let session = context.session(SessionKind::Short).await?;
    context.advance(&session, State::Loading, State::Deriving).await?;
    Ok(StepEnd::Next(State::Deriving))
}
