//! The records that were taken over from the live build, against the live build: the log no longer has them.

use orders::Positions;
use views::{Build, Session};

use crate::differences::Differences;
use crate::error::Result;
use crate::plan::Plan;

pub(super) async fn compare(session: &Session, build: Build, plan: &Plan) -> Result<Differences> {
    let positions: Positions = plan.live().iter().collect();
    let mut differences = Differences::default();
    for unequal in build.wrongly_kept(session, Build(plan.live_build), &positions).await? {
        differences.add_unequal(&unequal);
    }
    Ok(differences)
}
