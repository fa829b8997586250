//! State `switching`: applies the rest of the log while the live positions are locked, then
//! points everything to the new build, in one transaction. The live writers wait meanwhile,
//! so an attempt is short, and a failed one is repeated until it succeeds.
//!
//! A long read may delay the switch for hours, in which the log grows and can become another one. So what
//! was applied after state `verifying` is verified here, and the log's identity and the records that both
//! builds have read are compared, before the lock and, for the rest, under it.

mod records;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use orders::{LogPrefix, Partition, Positions};
use views::decisions;
use views::rebuild::{State, Switch, drop_superseded, view_readers};
use views::{Build, Session, SessionKind};

use self::records::RecordComparison;
use super::StepEnd;
use super::verify::{self, stretch};
use crate::build_writer::{BuildWriter, MOST_ROUNDS, SHORT_ROUND};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::failure::Failure;
use crate::log_comparison::describe;
use crate::outcome::FailureCause;
use crate::plan::Plan;
use crate::{log_state, verified};

/// How long an attempt may hold off the live writers.
const ATTEMPT_LIMIT: Duration = Duration::from_secs(2);
/// How long the first attempt waits for the lock of the live positions. Others queue behind
/// a waiting lock, so each attempt waits only a little longer than the one before …
const FIRST_LOCK_WAIT: Duration = Duration::from_millis(200);
/// … up to this, because a transaction that writes a large batch may take that long.
const LONGEST_LOCK_WAIT: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Offsets that may be verified once more while the live writers wait.
const VERIFIED_AGAIN: i64 = 5_000;
const ATTEMPTS_THAT_VERIFY_AGAIN: u32 = 3;

/// `verified`: up to where the build was verified.
pub(crate) async fn run(
    context: &Context,
    build: Build,
    plan: &Plan,
    verified: Positions,
) -> Result<StepEnd> {
    let mut switching = Switching {
        context,
        build,
        plan,
        writer: context.build_writer(build),
        records: RecordComparison::new(plan),
        verified,
    };
    for attempt in 1_u32.. {
        wait_for_view_readers(context).await?;
        match switching.attempt(attempt).await {
            Ok(Attempt::Switched) => break,
            Ok(Attempt::Refused(failure)) => return Ok(StepEnd::Failed(failure)),
            Err(error) if is_worth_another_attempt(&error) => {
                tracing::info!(rebuild = context.owner.rebuild, attempt, %error, "the switch is tried again");
                context
                    .meter
                    .wait_for(Some(format!("the switch to succeed, after {attempt} attempts: {error}")));
                tokio::time::sleep((FIRST_LOCK_WAIT * attempt).min(LONGEST_PAUSE)).await;
                // An attempt that ran out of time dropped the writer's lanes.
                switching.writer = context.build_writer(build);
            }
            Err(error) => return Err(error),
        }
    }
    drop(switching);
    drop_older_builds(context).await?;
    Ok(StepEnd::Next(State::Active))
}

struct Switching<'a> {
    context: &'a Context,
    build: Build,
    plan: &'a Plan,
    writer: BuildWriter,
    records: RecordComparison,
    verified: Positions,
}

enum Attempt {
    Switched,
    /// The build must not be switched in.
    Refused(Box<Failure>),
}

impl Switching<'_> {
    /// Does as much as possible before the live writers are held off, then the rest.
    async fn attempt(&mut self, attempt: u32) -> Result<Attempt> {
        let session = self.context.session(SessionKind::Short).await?;
        if let Some(failure) = self.approach(&session, attempt).await? {
            return Ok(Attempt::Refused(failure));
        }
        let mut locked = self.context.session(SessionKind::Switching).await?;
        let lock_wait = (FIRST_LOCK_WAIT * attempt).min(LONGEST_LOCK_WAIT);
        let switch = Switch::begin(&mut locked, lock_wait).await?;
        let rest = self.apply_rest_and_switch(switch, &session);
        tokio::time::timeout(ATTEMPT_LIMIT, rest).await.map_err(|_| Error::SwitchTimedOut)?
    }

    /// Leaves little to do while the live writers wait. Returns why the build must not be switched in.
    async fn approach(&mut self, session: &Session, attempt: u32) -> Result<Option<Box<Failure>>> {
        if let Some(failure) = log_state::other_log(&self.context.settings.kafka, self.plan).await? {
            return Ok(Some(failure));
        }
        for _ in 0..MOST_ROUNDS {
            self.writer.approach_end().await?;
            let begun = Instant::now();
            let (failure, positions) = self.verify_rest(session).await?;
            if failure.is_some() {
                return Ok(failure);
            }
            self.note_verified(session, positions, attempt).await?;
            if begun.elapsed() < SHORT_ROUND {
                break;
            }
        }
        let live = Build(self.plan.live_build).log_prefixes(session).await?;
        self.other_records(session, &live).await
    }

    /// The live writers wait meanwhile.
    async fn apply_rest_and_switch(&mut self, switch: Switch<'_>, session: &Session) -> Result<Attempt> {
        let other_log = log_state::other_log(&self.context.settings.kafka, self.plan);
        let live = switch.prefixes().iter().collect();
        let ((), other_log) = tokio::try_join!(self.writer.apply_up_to(&live), other_log)?;
        if let Some(failure) = other_log {
            return Ok(Attempt::Refused(failure));
        }
        if let Some(failure) = self.other_records(session, switch.prefixes()).await? {
            return Ok(Attempt::Refused(failure));
        }
        if let (Some(failure), _) = self.verify_rest(session).await? {
            return Ok(Attempt::Refused(failure));
        }
        switch.finish(self.build, &self.context.owner).await.map_err(Error::from_row_change)?;
        Ok(Attempt::Switched)
    }

    /// Verifies what was applied since the build was verified. Returns where the build stands.
    async fn verify_rest(&self, session: &Session) -> Result<(Option<Box<Failure>>, Positions)> {
        let positions = self.build.positions(session).await?;
        loop {
            let last_decision = decisions::latest(session).await?;
            let settings = &self.context.settings;
            let differences =
                stretch::compare(settings, session, self.build, &self.verified, &positions).await?;
            if differences.is_empty() {
                return Ok((None, positions));
            }
            // Otherwise some of it was compared before a decision, some after it.
            if decisions::latest(session).await? == last_decision {
                return Ok((Some(verify::failure(self.build, differences)), positions));
            }
        }
    }

    /// A long stretch is not verified again under the lock of the switch. A short one is, and with it all that
    /// was applied after state `verifying`, unless that has made earlier attempts too slow.
    async fn note_verified(&mut self, session: &Session, positions: Positions, attempt: u32) -> Result<()> {
        let offsets: i64 =
            positions.iter().map(|(partition, to)| self.verified.of(partition).behind(to)).sum();
        if offsets > VERIFIED_AGAIN || attempt > ATTEMPTS_THAT_VERIFY_AGAIN {
            let row = verified::to_row(&positions);
            self.context.owner.save_verified(session, &row).await.map_err(Error::from_row_change)?;
            self.verified = positions;
        }
        Ok(())
    }

    /// Why the build is refused if it was not made from the records that the live build has read.
    async fn other_records(
        &mut self,
        session: &Session,
        live: &BTreeMap<Partition, LogPrefix>,
    ) -> Result<Option<Box<Failure>>> {
        let new = self.build.log_prefixes(session).await?;
        let differences = self.records.compare(&self.context.settings.kafka, live, &new).await?;
        let reason = (!differences.is_empty()).then(|| describe(&self.plan.topic, &differences));
        Ok(reason.map(|reason| Box::new(Failure::new(FailureCause::Log, reason))))
    }
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
