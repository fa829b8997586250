//! The records that were taken over from the live build, against the live build: the log no longer has them.

use orders::{Partition, Position};
use std::collections::BTreeMap;
use views::{Build, Session};

use crate::differences::Differences;
use crate::error::Result;
use crate::plan::Plan;

pub(super) async fn compare(session: &Session, build: Build, plan: &Plan) -> Result<Differences> {
    let positions: BTreeMap<Partition, Position> =
        plan.live().into_iter().map(|(partition, live)| (partition, live.position)).collect();
    let mut differences = Differences::default();
    for unequal in build.wrongly_kept(session, Build(plan.live_build), &positions).await? {
        differences.add_unequal(&unequal);
    }
    Ok(differences)
}
