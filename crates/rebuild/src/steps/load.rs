//! State `loading`: copies the history up to the end of the log, without indexes and without
//! orders. A load that was interrupted continues at the positions that it has committed.
//!
//! It stops where the live build stood, and compares the records that were read so far with those that
//! the live build has read. A position beyond that point means that they were found to be the same.

use orders::{LogPrefix, Partition, Positions};
use views::rebuild::{KeepHistory, KeptHistory, RebuildRow, State};
use views::{Build, SessionKind};

use super::StepEnd;
use crate::context::Context;
use crate::differences::Differences;
use crate::error::{Error, Result};
use crate::failure::Failure;
use crate::log_comparison::{LogDifference, describe, first_difference, has_more, read_log};
use crate::outcome::FailureCause;
use crate::plan::Plan;

pub(crate) async fn run(context: &Context, row: &RebuildRow, build: Build, plan: &Plan) -> Result<StepEnd> {
    let live: Positions = plan.live().iter().collect();
    let mut writer = context.history_writer(build, plan.begins());
    writer.apply_up_to(&live).await?;
    let differences = differences(context, build, plan).await?;
    if !differences.is_empty() {
        let reason = row.keep_history.as_ref().filter(|_| !has_more(&differences));
        let Some(reason) = reason else {
            let reason = describe(&plan.topic, &differences);
            return Ok(StepEnd::Failed(Box::new(Failure::new(FailureCause::Log, reason))));
        };
        // Its sessions hold the digests that this changes.
        drop(writer);
        if let Some(failure) = keep_history(context, build, plan, &differences, reason).await? {
            return Ok(StepEnd::Failed(failure));
        }
        writer = context.history_writer(build, plan.begins());
    }
    writer.apply_up_to(&plan.ends()).await?;
    // No later step takes records as fast as this one.
    writer.approach_end().await?;
    // Its sessions end before the next state begins.
    drop(writer);
    let session = context.session(SessionKind::Short).await?;
    context.advance(&session, State::Loading, State::Deriving).await?;
    Ok(StepEnd::Next(State::Deriving))
}

/// Where the records that were loaded are not those that the live build has read.
async fn differences(context: &Context, build: Build, plan: &Plan) -> Result<Vec<LogDifference>> {
    let session = context.session(SessionKind::Short).await?;
    let live = plan.live();
    let loaded = build.log_prefixes(&session).await?;
    let differs = |(partition, loaded): (&Partition, &LogPrefix)| {
        live.get(partition)
            .is_some_and(|live| loaded.position == live.position && loaded.digest != live.digest)
    };
    if !loaded.iter().any(differs) {
        return Ok(Vec::new());
    }
    let live = read_log(&live, Build(plan.live_build).log_checkpoints(&session).await?);
    let loaded = read_log(&loaded, build.log_checkpoints(&session).await?);
    let difference = |(partition, loaded): (&Partition, &Vec<LogPrefix>)| {
        first_difference(*partition, live.get(partition)?, loaded)
    };
    Ok(loaded.iter().filter_map(difference).collect())
}

/// Takes over from the live build what the log no longer holds of the partitions that differ. Returns why the
/// rebuild fails if what both have is not the same.
async fn keep_history(
    context: &Context,
    build: Build,
    plan: &Plan,
    differences: &[LogDifference],
    reason: &str,
) -> Result<Option<Box<Failure>>> {
    let mut live = plan.live();
    live.retain(|partition, _| differences.iter().any(|one| one.partition == partition.0));
    let live_build = Build(plan.live_build);
    let mut session = context.session(SessionKind::Sorting).await?;
    let keep = KeepHistory { build, live_build, live: &live, reason };
    match keep.run(&mut session, &context.owner).await.map_err(Error::from_row_change)? {
        KeptHistory::Kept { history, dead_letters } => {
            tracing::info!(
                rebuild = context.owner.rebuild,
                %build,
                history,
                dead_letters,
                "took over from the live build what the log no longer holds"
            );
            Ok(None)
        }
        KeptHistory::Unequal(unequal) => {
            let mut found = Differences::default();
            unequal.iter().for_each(|one| found.add_unequal(one));
            let reason = found.describe(
                "what the log still holds is not what the live tables were made from, so their history cannot be kept: \
                 the new build and the live one differ",
            );
            Ok(Some(Box::new(Failure {
                differences: Some(found),
                ..Failure::new(FailureCause::Difference, reason)
            })))
        }
    }
}
