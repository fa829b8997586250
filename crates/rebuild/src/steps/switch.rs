//! State `switching`: applies the rest of the log while the live positions are locked, then
//! points everything to the new build, in one transaction. The live writers wait meanwhile,
//! so an attempt is short, and a failed one is repeated until it succeeds.

use std::time::Duration;

use views::rebuild::{State, Switch, drop_superseded, view_readers};
use views::{Build, SessionKind};

use super::StepEnd;
use crate::build_writer::BuildWriter;
use crate::context::Context;
use crate::error::{Error, Result};

/// How long an attempt may hold off the live writers.
const ATTEMPT_LIMIT: Duration = Duration::from_secs(2);
/// How long the first attempt waits for the lock of the live positions. Others queue behind
/// a waiting lock, so each attempt waits only a little longer than the one before …
const FIRST_LOCK_WAIT: Duration = Duration::from_millis(200);
/// … up to this, because a transaction that writes a large batch may take that long.
const LONGEST_LOCK_WAIT: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

pub(crate) async fn run(context: &Context, build: Build) -> Result<StepEnd> {
    let mut writer = context.build_writer(build);
    for attempt in 1_u32.. {
        wait_for_view_readers(context).await?;
        writer.approach_end().await?;
        match try_switch(context, build, &mut writer, attempt).await {
            Ok(()) => break,
            Err(error) if is_worth_another_attempt(&error) => {
                tracing::info!(rebuild = context.owner.rebuild, attempt, %error, "the switch is tried again");
                context
                    .meter
                    .wait_for(Some(format!("the switch to succeed, after {attempt} attempts: {error}")));
                tokio::time::sleep((FIRST_LOCK_WAIT * attempt).min(LONGEST_PAUSE)).await;
                // An attempt that ran out of time dropped the writer's lanes.
                writer = context.build_writer(build);
            }
            Err(error) => return Err(error),
        }
    }
    drop(writer);
    drop_older_builds(context).await?;
    Ok(StepEnd::Next(State::Active))
}

async fn try_switch(context: &Context, build: Build, writer: &mut BuildWriter, attempt: u32) -> Result<()> {
    let mut session = context.session(SessionKind::Switching).await?;
    let lock_wait = (FIRST_LOCK_WAIT * attempt).min(LONGEST_LOCK_WAIT);
    let switch = Switch::begin(&mut session, lock_wait).await?;
    let apply_and_commit = async {
        writer.apply_up_to(switch.positions()).await?;
        switch.finish(build, &context.owner).await.map_err(Error::from_row_change)
    };
    tokio::time::timeout(ATTEMPT_LIMIT, apply_and_commit).await.map_err(|_| Error::SwitchTimedOut)?
}

/// Whether an attempt failed because somebody else holds what it needs. The state machine
/// handles all other errors, such as a lost connection.
fn is_worth_another_attempt(error: &Error) -> bool {
    match error {
        Error::SwitchTimedOut => true,
        // lock_not_available, deadlock_detected, serialization_failure
        Error::Views(error) => {
            error.sqlstate().is_some_and(|code| matches!(code.code(), "55P03" | "40P01" | "40001"))
        }
        _ => false,
    }
}

/// The switch would have to wait for a long read of the public views, and other readers would
/// have to wait for the switch.
async fn wait_for_view_readers(context: &Context) -> Result<()> {
    let session = context.session(SessionKind::Short).await?;
    let mut reported = Vec::new();
    loop {
        let pids = view_readers(&session).await?;
        if pids.is_empty() {
            break;
        }
        if pids != reported {
            tracing::info!(?pids, "the switch waits for reads of the public views to end");
            context.meter.wait_for(Some(format!("reads of the public views to end (pids {pids:?})")));
            reported = pids;
        }
        tokio::time::sleep(FIRST_LOCK_WAIT).await;
    }
    if !reported.is_empty() {
        context.meter.wait_for(None);
    }
    Ok(())
}

/// If this fails, the switch remains valid, and the next rebuild tries again.
async fn drop_older_builds(context: &Context) -> Result<()> {
    let mut session = context.session(SessionKind::Short).await?;
    match drop_superseded(&mut session, &context.view).await {
        Ok(builds) if builds.is_empty() => {}
        Ok(builds) => tracing::info!(?builds, "dropped superseded builds"),
        Err(error) => {
            tracing::warn!(%error, "superseded builds were not dropped; the next rebuild drops them")
        }
    }
    Ok(())
}
