//! The coordinator stands between the group and the lanes: it hands their events to the assignment and
//! carries out the commands, commits the group's offsets, and watches the log's identity and progress.

use std::sync::Arc;
use std::time::{Duration, Instant};

use event_log::{Consumer, EndsWatch, GroupEvent, LaneQueue, LogEnds, Membership};
use orders::Positions;
use service::{Failure, Shell};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};

use crate::assignment::{Assignment, Command, Event};
use crate::error::Error;
use crate::group_check::GroupCheck;
use crate::group_offsets::GroupOffsets;
use crate::group_watch::GroupWatch;
use crate::kafka_state::{kafka_state, list, unknown_state};
use crate::lane_task;
use crate::lanes::Lanes;
use crate::log_check::{self, LogCheck};
use crate::metrics::LagGauges;
use crate::prepare::Ready;
use crate::pulse::Pulse;
use crate::settings::Settings;
use crate::watchdog::Watchdog;
use crate::{caught_up, deployment};

/// How often the group's offsets and the end offsets are examined.
const TICK: Duration = Duration::from_secs(1);

struct Coordinator<'a> {
    shell: &'a Shell,
    consumer: Consumer,
    group_events: mpsc::UnboundedReceiver<GroupEvent>,
    lanes: Lanes,
    ends: EndsWatch,
    /// When the first end offsets were asked for.
    began: Instant,
    tick: Interval,
    assignment: Assignment,
    group_offsets: GroupOffsets,
    group_watch: GroupWatch,
    log_check: LogCheck,
    watchdog: Watchdog,
    lag_gauges: LagGauges,
    pulse: Pulse,
}

/// Joins the group and works until it is told to stop, has caught up, or cannot go on.
pub async fn run(settings: &Settings, shell: &Shell, ready: Ready) -> Result<(), Failure> {
    tracing::info!(
        name = settings.name, database = %settings.database, topic = settings.kafka.topic, group = %settings.group,
        end_offsets = ready.end_offset_sum(), "joining the group"
    );
    let Ready { session, deployment, group, ends, recorded, target } = ready;
    let mut coordinator = Coordinator::join(settings, shell, group, ends, LogCheck::new(recorded))?;
    let other_database = coordinator.group_watch.look();
    let ends_early = async {
        tokio::select! {
            done = caught_up::wait(&settings.database, session, &target), if settings.until_caught_up => done,
            error = deployment::keep(settings, deployment) => Err(error),
            error = other_database => Err(error),
            mismatch = log_check::watch_fingerprints(settings, &shell.health) => Err(mismatch.into()),
        }
    };
    shell.health.set_started();
    let result = tokio::select! {
        () = shell.stop.cancelled() => crate::stopped(settings, shell),
        result = ends_early => result.map_err(Error::into_failure),
        Err(failure) = coordinator.work() => Err(failure),
    };
    if let Err(failure) = &result {
        // While the lanes finish what is in flight, the process already reports that it is not ready.
        shell.health.set("consumer", Err(&*failure.message));
    }
    coordinator.stop().await;
    result
}

impl<'a> Coordinator<'a> {
    fn join(
        settings: &Settings,
        shell: &'a Shell,
        group: GroupCheck,
        ends: EndsWatch,
        log_check: LogCheck,
    ) -> Result<Self, Failure> {
        let queues: Vec<_> = (0..settings.lanes).map(|_| Arc::new(LaneQueue::new(settings.limits))).collect();
        let membership = Membership {
            group_id: settings.group.to_string(),
            mark: group.mark(),
            lanes: queues.clone(),
            heartbeat: Pulse::polling(&shell.health).into(),
        };
        let (consumer, group_events) = Consumer::join(&settings.kafka, membership)?;
        let mut watchdog = Watchdog::default();
        watchdog.joining(Instant::now(), settings.kafka.asks_for_new_group_protocol());
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self {
            shell,
            consumer,
            group_events,
            lanes: Lanes::start(settings, shell, queues),
            ends,
            began: Instant::now(),
            tick,
            assignment: Assignment::new(settings.lanes),
            group_offsets: GroupOffsets::new(Instant::now()),
            group_watch: GroupWatch::new(group),
            log_check,
            watchdog,
            lag_gauges: LagGauges::default(),
            pulse: Pulse::coordinator(&shell.health),
        })
    }

    /// Returns only with a failure.
    async fn work(&mut self) -> Result<(), Failure> {
        loop {
            tokio::select! {
                Some(event) = self.group_events.recv() => self.on_group_event(event).await?,
                event = self.lanes.next() => self.on_lane_event(event?),
                _ = self.tick.tick() => self.on_tick()?,
            }
        }
    }

    async fn on_group_event(&mut self, event: GroupEvent) -> Result<(), Failure> {
        match event {
            GroupEvent::Admitted => self.watchdog.admitted(),
            GroupEvent::Assigned { assignment, partitions } => {
                tracing::info!(partitions = %list(&partitions), "assigned");
                self.watchdog.assigned();
                self.group_watch.assigned();
                self.handle(Event::Assigned { assignment, partitions });
            }
            GroupEvent::Revoked { partitions, lost, reply } => {
                tracing::info!(partitions = %list(&partitions), lost, "revoked");
                if lost {
                    self.watchdog.lost(Instant::now());
                }
                let released = self.handle(Event::Revoked { partitions });
                let may_commit = self.group_watch.is_verified();
                tokio::spawn(async move {
                    let mut positions = Positions::new();
                    for answer in released {
                        positions.extend(answer.await.unwrap_or_default());
                    }
                    let _ = reply.send(if may_commit { positions } else { Positions::new() });
                });
            }
            GroupEvent::Failed(error) if error.is_about_the_log() => {
                let positions = self.assignment.positions();
                return Err(self.log_check.explain(error, &self.ends, &positions).await);
            }
            GroupEvent::Failed(error) => return Err(Error::from(error).into_failure()),
        }
        Ok(())
    }

    fn on_lane_event(&mut self, event: lane_task::Event) {
        let event = match event {
            lane_task::Event::Claimed(claimed) => Event::Claimed(claimed),
            lane_task::Event::Committed(committed) => Event::Committed(committed),
            lane_task::Event::Switched(released) => Event::Switched(released),
            lane_task::Event::Fenced { released, reason } => {
                tracing::warn!(reason, "fenced: another member owns a partition that this one held");
                Event::Fenced(released)
            }
        };
        self.handle(event);
    }

    /// Carries out the commands that follow from an event. Returns the pending answers to releases.
    fn handle(&mut self, event: Event) -> Vec<oneshot::Receiver<Positions>> {
        let mut released = Vec::new();
        for command in self.assignment.handle(event) {
            match command {
                Command::Claim { lane, partitions } => self.lanes.claim(lane, partitions),
                Command::Release { lane, partitions } => released.push(self.lanes.release(lane, partitions)),
                Command::ReadFrom(from) => self.consumer.read_from(from),
                Command::Rejoin => {
                    tracing::warn!("leaving the group to join it again");
                    self.consumer.rejoin();
                }
            }
        }
        released
    }

    fn on_tick(&mut self) -> Result<(), Failure> {
        self.pulse.beat();
        let positions = self.assignment.positions();
        if self.group_watch.is_verified()
            && let Some(offsets) = self.group_offsets.due(Instant::now(), &positions)
        {
            self.consumer.commit(offsets);
        }
        let Some(ends) = self.ends.latest.borrow().clone() else {
            self.shell.health.set("kafka", unknown_state(self.began.elapsed()));
            return Ok(());
        };
        self.log_check.check(&ends, &positions).map_err(|mismatch| Error::from(mismatch).into_failure())?;
        self.report(&positions, &ends);
        Ok(())
    }

    fn report(&mut self, positions: &Positions, ends: &LogEnds) {
        self.shell.health.set("kafka", kafka_state(ends));
        let progress = self.watchdog.look(Instant::now(), positions, ends);
        self.shell.health.set("progress", progress.map_err(|standstills| standstills.to_string()));
        self.lag_gauges.set(positions, ends);
    }

    /// Lets the lanes finish what is in flight, commits the group's offsets, and leaves the group.
    async fn stop(self) {
        let Self { shell, consumer, group_events, mut lanes, mut assignment, group_watch, pulse, .. } = self;
        pulse.rest();
        // Once the receiver is gone, a rebalance no longer waits for an answer.
        drop(group_events);
        let began = Instant::now();
        for event in lanes.stop(shell.shutdown_timeout).await {
            if let lane_task::Event::Committed(committed) = event {
                let _ = assignment.handle(Event::Committed(committed));
            }
        }
        let left = || shell.shutdown_timeout.saturating_sub(began.elapsed());
        let may_commit = group_watch.is_verified_at_last(left()).await;
        let positions = if may_commit { assignment.positions() } else { Positions::new() };
        Pulse::polling(&shell.health).rest();
        let leaving = tokio::task::spawn_blocking(move || consumer.leave(positions));
        if timeout(left(), leaving).await.is_err() {
            tracing::warn!("Kafka did not answer in time; the group will notice that this member is gone");
        }
        tracing::info!("left the group");
    }
}
