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

use orders::{LogPrefix, Partition, Position, Positions};
use views::decisions;
use views::rebuild::{BuildSnapshot, State, Switch, drop_superseded, view_readers};
use views::{Build, Session, SessionKind};

use self::records::RecordComparison;
use super::StepEnd;
use super::verify;
use super::verify::admission::event_in_live;
use super::verify::stretch::{Comparison, Stretch};
use crate::build_writer::{BuildWriter, MOST_ROUNDS, SHORT_ROUND};
use crate::context::Context;
use crate::differences::Differences;
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
/// Offsets that are applied before they are verified. What is noted of them in memory is in proportion.
const APPLIED_AT_ONCE: i64 = 50_000;
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
        beside: Positions::new(),
        verified,
        snapshot: None,
    };
    for attempt in 1_u32.. {
        switching.wait_for_view_readers().await?;
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
    /// Up to where none of the build's dead letters is an event in the live build.
    beside: Positions,
    verified: Positions,
    /// The build when it stood at `verified`; `None` if it was ahead when this process came to it, or while the switch
    /// waits.
    snapshot: Option<BuildSnapshot>,
}

/// What came of verifying the last stretch.
struct Verification {
    failure: Option<Box<Failure>>,
    /// Where the build stood.
    positions: Positions,
    /// Whether the orders were compared with the snapshot, so that the next comparison can be as well.
    has_snapshot: bool,
}

enum Attempt {
    Switched,
    /// The build must not be switched in.
    Refused(Box<Failure>),
}

impl Switching<'_> {
    /// The switch would have to wait for a long read of the public views, and other readers would have to wait for the
    /// switch.
    async fn wait_for_view_readers(&mut self) -> Result<()> {
        let context = self.context;
        let session = context.session(SessionKind::Short).await?;
        let mut reported = Vec::new();
        loop {
            let pids = view_readers(&session).await?;
            if pids.is_empty() {
                break;
            }
            // Reads may follow each other for hours, and the snapshot would keep the server from removing old rows.
            self.snapshot = None;
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
        if self.snapshot.is_none() {
            self.take_snapshot().await?;
        }
        Ok(())
    }

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
            let begun = Instant::now();
            let ends = log_state::end_offsets(&self.context.settings.kafka).await?;
            if let Some(failure) = self.apply_and_verify(session, &ends, attempt).await? {
                return Ok(Some(failure));
            }
            if begun.elapsed() < SHORT_ROUND {
                break;
            }
        }
        let live = Build(self.plan.live_build).log_prefixes(session).await?;
        self.other_records(session, &live).await
    }

    /// Applies the log up to `ends`, a part at a time, and verifies each part.
    async fn apply_and_verify(
        &mut self,
        session: &Session,
        ends: &Positions,
        attempt: u32,
    ) -> Result<Option<Box<Failure>>> {
        loop {
            let part = part(&self.build.positions(session).await?, ends);
            self.writer.apply_up_to(&part).await?;
            let verification = self.verify_rest(session).await?;
            if verification.failure.is_some() {
                return Ok(verification.failure);
            }
            self.note_verified(session, verification, attempt).await?;
            if part.have_reached(ends) {
                return Ok(None);
            }
        }
    }

    /// The live writers wait meanwhile.
    async fn apply_rest_and_switch(&mut self, switch: Switch<'_>, session: &Session) -> Result<Attempt> {
        let other_log = log_state::other_log(&self.context.settings.kafka, self.plan);
        let live = switch.prefixes().iter().collect();
        if self.usable_snapshot(decisions::latest(session).await?).is_none() {
            // There was a decision since. The complete history of an order may be too long for this.
            return Err(views::Error::Decided.into());
        }
        let ((), other_log) = tokio::try_join!(self.writer.apply_up_to(&live), other_log)?;
        if let Some(failure) = other_log {
            return Ok(Attempt::Refused(failure));
        }
        if let Some(failure) = self.other_records(session, switch.prefixes()).await? {
            return Ok(Attempt::Refused(failure));
        }
        let verification = self.verify_rest(session).await?;
        if let Some(failure) = verification.failure {
            return Ok(Attempt::Refused(failure));
        }
        switch.finish(self.build, &self.context.owner).await.map_err(Error::from_row_change)?;
        Ok(Attempt::Switched)
    }

    /// Verifies what was applied since the build was verified.
    async fn verify_rest(&self, session: &Session) -> Result<Verification> {
        let to = self.build.log_prefixes(session).await?;
        loop {
            let last_decision = decisions::latest(session).await?;
            let (build, from, verified) = (self.build, &self.verified, self.usable_snapshot(last_decision));
            let read = self.snapshot.as_ref().map(BuildSnapshot::prefixes);
            let stretch = Stretch { build, from, to: &to, read, verified };
            let Comparison { differences, lost } = stretch.compare(&self.context.settings, session).await?;
            let (positions, has_snapshot) = (to.iter().collect(), verified.is_some());
            if differences.is_empty() {
                return Ok(Verification { failure: None, positions, has_snapshot });
            }
            // Otherwise some of it was compared before a decision, some after it.
            if decisions::latest(session).await? == last_decision {
                let failure = Some(verify::failure(build, self.plan, differences, &lost));
                return Ok(Verification { failure, positions, has_snapshot });
            }
        }
    }

    /// A retry adds a record below the position of the snapshot, so a snapshot from before it is of no use.
    fn usable_snapshot(&self, last_decision: i64) -> Option<&BuildSnapshot> {
        self.snapshot.as_ref().filter(|snapshot| snapshot.last_decision() == last_decision)
    }

    /// A long stretch is not verified again under the lock of the switch. A short one is, and with it all that
    /// was applied after state `verifying`, unless that has made earlier attempts too slow.
    async fn note_verified(
        &mut self,
        session: &Session,
        verification: Verification,
        attempt: u32,
    ) -> Result<()> {
        let Verification { positions, has_snapshot, .. } = verification;
        let offsets: i64 =
            positions.iter().map(|(partition, to)| self.verified.of(partition).behind(to)).sum();
        if offsets > VERIFIED_AGAIN || attempt > ATTEMPTS_THAT_VERIFY_AGAIN || !has_snapshot {
            let row = verified::to_row(&positions);
            self.context.owner.save_verified(session, &row).await.map_err(Error::from_row_change)?;
            self.verified = positions;
            self.take_snapshot().await?;
        }
        Ok(())
    }

    /// Nothing but this process moves the build's positions, so it usually stands where it was verified.
    async fn take_snapshot(&mut self) -> Result<()> {
        // The one before is of no use any more, and ends first.
        self.snapshot = None;
        let session = self.context.session(SessionKind::Short).await?;
        let snapshot = BuildSnapshot::take(session, self.build).await?;
        self.snapshot = (snapshot.positions() == self.verified).then_some(snapshot);
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
        if !differences.is_empty() {
            let reason = describe(&self.plan.topic, &differences);
            return Ok(Some(Box::new(Failure::new(FailureCause::Log, reason))));
        }
        self.events_beside(session, live.iter().collect()).await
    }

    /// Why the build is refused if it lacked a schema that the live build has had. The next rebuild finds that schema.
    async fn events_beside(&mut self, session: &Session, live: Positions) -> Result<Option<Box<Failure>>> {
        let other = Build(self.plan.live_build);
        let events = self.build.without_schemas_beside(session, other, &self.beside, &live).await?;
        self.beside = live;
        let mut differences = Differences::default();
        events.into_iter().map(event_in_live).for_each(|difference| differences.push(difference));
        Ok((!differences.is_empty()).then(|| verify::failure(self.build, self.plan, differences, &[])))
    }
}

/// Where to go next from these positions on the way to `ends`.
fn part(from: &Positions, ends: &Positions) -> Positions {
    let mut left = APPLIED_AT_ONCE;
    let next = |(partition, end): (Partition, Position)| {
        let from = from.of(partition);
        let offsets = from.behind(end).min(left);
        left -= offsets;
        (partition, Position(from.0 + offsets))
    };
    ends.iter().map(next).collect()
}

/// Whether an attempt failed because somebody else holds what it needs. The state machine
/// handles all other errors, such as a lost connection.
fn is_worth_another_attempt(error: &Error) -> bool {
    match error {
        Error::SwitchTimedOut | Error::Views(views::Error::Decided) => true,
        // lock_not_available, deadlock_detected, serialization_failure
        Error::Views(error) => {
            error.sqlstate().is_some_and(|code| matches!(code.code(), "55P03" | "40P01" | "40001"))
        }
        _ => false,
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn positions(all: &[(i32, i64)]) -> Positions {
        all.iter().map(|(partition, offset)| (Partition(*partition), Position(*offset))).collect()
    }

    #[test]
    fn a_part_is_bounded_over_all_partitions() {
        let most = APPLIED_AT_ONCE;
        let ends = positions(&[(0, 100), (1, 2 * most), (2, 7)]);
        let first = part(&positions(&[(0, 90), (2, 5)]), &ends);
        assert_eq!(first, positions(&[(0, 100), (1, most - 10), (2, 5)]));
        let second = part(&first, &ends);
        assert_eq!(second, positions(&[(0, 100), (1, 2 * most - 10), (2, 5)]));
        let last = part(&second, &ends);
        assert_eq!(last, ends);
        assert!(last.have_reached(&ends) && !second.have_reached(&ends));
        assert_eq!(part(&ends, &ends), ends);
    }
}
