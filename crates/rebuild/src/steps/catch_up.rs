//! State `catching_up`: merges what operators have retried meanwhile. In a build that another process has left behind, it
//! also applies what was appended to the log since then, by the code that the consumers run. A build whose orders this
//! process has just derived is verified as it is: that is cheaper, and what was appended since is applied and verified
//! before the switch.

use views::rebuild::State;
use views::{Build, SessionKind};

use super::StepEnd;
use crate::context::Context;
use crate::error::Result;

pub(crate) async fn run(context: &Context, build: Build, is_just_derived: bool) -> Result<StepEnd> {
    // An operator's retry wrote only the history while the build was loaded and derived.
    let mut session = context.session(SessionKind::Short).await?;
    let orders = build.merge_retried(&mut session).await?;
    if orders > 0 {
        tracing::info!(
            rebuild = context.owner.rebuild,
            %build,
            orders,
            "merged orders with retried records"
        );
    }
    if !is_just_derived {
        let mut writer = context.build_writer(build);
        writer.approach_end().await?;
        // Verifying reads a build that nothing else writes to.
        drop(writer);
    }
    context.advance(&session, State::CatchingUp, State::Verifying).await?;
    Ok(StepEnd::Next(State::Verifying))
}
