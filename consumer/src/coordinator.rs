//! Between the group and the lanes: who reads what, from where, and until when.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::{Duration, Instant};

use event_log::{Assigned, Consumer, GroupEvent, LaneQueue, Membership, Polled, lane_of};
use orders::{LogIdentity, Partition, Position};
use service::{Exit, Failure, Shell};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};
use views::lane::{Lane, LaneOptions};

use crate::lane_task::{Command, Event, LaneTask};
use crate::prepare::Ready;
use crate::settings::Settings;
use crate::watchdog::Watchdog;
use crate::{caught_up, deployment, fingerprints, identity};

/// How often Kafka is told and the end offsets are looked at.
const TICK: Duration = Duration::from_secs(1);
/// How often Kafka is told what it was told before: it may not have got it.
const TELL_AGAIN: Duration = Duration::from_secs(30);
/// Without fresh end offsets for this long, Kafka counts as away.
const KAFKA_AWAY_AFTER: Duration = Duration::from_secs(10);
/// How long the numbers of a failure may take.
const NUMBERS_WITHIN: Duration = Duration::from_secs(3);

struct Coordinator<'a> {
    settings: &'a Settings,
    shell: &'a Shell,
    consumer: Consumer,
    ends: event_log::EndsWatch,
    lanes: Vec<mpsc::UnboundedSender<Command>>,
    queues: Vec<Arc<LaneQueue>>,
    reading: BTreeMap<Partition, Reading>,
    /// What the tables were made from.
    recorded: LogIdentity,
    /// Positions, and when they were read: ends asked for later lie behind them.
    noted: (Instant, BTreeMap<Partition, Position>),
    /// What Kafka was told, and when.
    told: (Instant, BTreeMap<Partition, Position>),
    watchdog: Watchdog,
    /// Answers to assignments, on their way to the polling thread and to us.
    assigned: mpsc::UnboundedSender<Vec<Assigned>>,
}

/// A partition that this process reads.
struct Reading {
    generation: u32,
    position: Position,
    /// The position was the same a tick ago, and the queue empty.
    is_idle: bool,
}

/// Joins the group and works until told to stop, caught up, or unable to go on.
pub async fn run(settings: &Settings, shell: &Shell, ready: Ready) -> Result<(), Failure> {
    tracing::info!(
        database = %settings.database, topic = settings.kafka.topic, group = %settings.group,
        end_offsets = ready.events(), "joining the group"
    );
    let queues: Vec<_> = (0..settings.lanes).map(|_| Arc::new(LaneQueue::new(settings.limits))).collect();
    let membership = Membership {
        group_id: settings.group.to_string(),
        lanes: queues.clone(),
        ends: ready.ends.latest.clone(),
    };
    let (consumer, mut group_events) = Consumer::join(&settings.kafka, membership)?;
    let (lane_events, mut from_lanes) = mpsc::unbounded_channel();
    let (lanes, mut tasks) = start_lanes(settings, shell, &queues, lane_events);
    let (assigned, mut answers) = mpsc::unbounded_channel();
    let Ready { session, deployment, ends, recorded, target } = ready;
    let mut coordinator = Coordinator {
        settings,
        shell,
        consumer,
        ends,
        lanes,
        queues,
        reading: BTreeMap::new(),
        recorded,
        noted: (Instant::now(), BTreeMap::new()),
        told: (Instant::now(), BTreeMap::new()),
        watchdog: Watchdog::default(),
        assigned,
    };
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let caught_up = async {
        if settings.until_caught_up {
            caught_up::wait(&settings.database, session, &target).await
        } else {
            std::future::pending().await
        }
    };
    tokio::pin!(caught_up);
    let other_deployment = deployment::keep(settings, shell, deployment);
    tokio::pin!(other_deployment);
    let other_records = fingerprints::watch(settings);
    tokio::pin!(other_records);
    shell.health.set_started();
    let result = loop {
        tokio::select! {
            () = shell.stop.cancelled() => break Ok(()),
            done = &mut caught_up => {
                if done.is_ok() {
                    tracing::info!("caught up with the end offsets seen at the start");
                }
                break done;
            }
            failure = &mut other_deployment => break Err(failure),
            failure = &mut other_records => break Err(failure),
            Some(event) = group_events.recv() => {
                if let Err(failure) = coordinator.on_group_event(event).await {
                    break Err(failure);
                }
            }
            Some(assigned) = answers.recv() => coordinator.on_assigned(assigned),
            Some(event) = from_lanes.recv() => coordinator.on_lane_event(event),
            Some(ended) = tasks.join_next() => break Err(lane_failure(ended)),
            _ = tick.tick() => {
                if let Err(failure) = coordinator.on_tick() {
                    break Err(failure);
                }
            }
        }
    };
    if let Err(failure) = &result {
        // For as long as the other lanes take to finish what is in flight.
        shell.health.set("consumer", Err(&*failure.message));
    }
    // From here on callbacks of the group find nobody and give everything up at once.
    drop(group_events);
    coordinator.stop(tasks, from_lanes).await;
    result
}

fn start_lanes(
    settings: &Settings,
    shell: &Shell,
    queues: &[Arc<LaneQueue>],
    events: mpsc::UnboundedSender<Event>,
) -> (Vec<mpsc::UnboundedSender<Command>>, JoinSet<views::Result<()>>) {
    let owner = format!("{}/{}", settings.group, uuid::Uuid::new_v4());
    let generation = Arc::new(AtomicU32::new(0));
    let mut tasks = JoinSet::new();
    let lanes = queues.iter().map(|queue| {
        let (sender, commands) = mpsc::unbounded_channel();
        let lane = Lane::new(LaneOptions {
            database: settings.database.clone(),
            codec: settings.codec.clone(),
            group: Some(settings.group.to_string()),
            owner: owner.clone(),
            synchronous_commit: settings.synchronous_commit,
            has_breaker: settings.has_breaker,
        });
        let task = LaneTask {
            lane,
            queue: queue.clone(),
            commands,
            events: events.clone(),
            generation: generation.clone(),
            health: shell.health.clone(),
            generations: BTreeMap::new(),
            deferred: VecDeque::new(),
        };
        tasks.spawn(task.run());
        sender
    });
    (lanes.collect(), tasks)
}

fn lane_failure(ended: Result<views::Result<()>, tokio::task::JoinError>) -> Failure {
    match ended {
        Ok(Ok(())) => Failure::new(Exit::Unexpected, "a lane ended early"),
        Ok(Err(error)) => deployment::failure(error),
        Err(error) => Failure::from(error),
    }
}

impl Coordinator<'_> {
    async fn on_group_event(&mut self, event: GroupEvent) -> Result<(), Failure> {
        match event {
            GroupEvent::Assigned { partitions, reply } => {
                tracing::info!(partitions = %list(&partitions), "assigned");
                self.watchdog.assigned();
                let asked: Vec<_> = self
                    .by_lane(&partitions)
                    .map(|(lane, partitions)| {
                        let (answer, answered) = oneshot::channel();
                        let _ = self.lanes[lane].send(Command::Claim { partitions, reply: answer });
                        answered
                    })
                    .collect();
                let for_us = self.assigned.clone();
                tokio::spawn(async move {
                    let mut assigned = Vec::new();
                    for answered in asked {
                        assigned.extend(answered.await.unwrap_or_default());
                    }
                    let _ = for_us.send(assigned.clone());
                    let _ = reply.send(assigned);
                });
                Ok(())
            }
            GroupEvent::Revoked { partitions, lost, reply } => {
                tracing::info!(partitions = %list(&partitions), lost, "revoked");
                if lost {
                    self.watchdog.lost(Instant::now());
                }
                self.reading.retain(|partition, _| !partitions.contains(partition));
                let asked = self.release(&partitions);
                tokio::spawn(async move {
                    let mut positions = BTreeMap::new();
                    for answered in asked {
                        positions.extend(answered.await.unwrap_or_default());
                    }
                    let _ = reply.send(positions);
                });
                Ok(())
            }
            GroupEvent::Failed(error @ event_log::Error::Log(_)) => Err(self.out_of_range(error).await),
            GroupEvent::Failed(error) => Err(Failure::from(error)),
        }
    }

    fn on_assigned(&mut self, assigned: Vec<Assigned>) {
        for one in assigned {
            let Assigned { partition, position, generation } = one;
            self.reading.insert(partition, Reading { generation, position, is_idle: false });
        }
    }

    /// The log's ids and its ends against what was recorded and noted before.
    fn check_log(&mut self, polled: &Polled) -> Result<(), Failure> {
        let failure = |message| Failure::new(Exit::LogIdentity, message);
        if let Some(log) = &polled.identity {
            identity::check(log, &self.recorded).map_err(failure)?;
        }
        let (noted_at, noted) = &self.noted;
        if polled.asked_at > *noted_at {
            identity::check_positions(&self.settings.kafka.topic, &polled.ends, noted).map_err(failure)?;
            self.noted = (Instant::now(), self.positions());
        }
        Ok(())
    }

    /// What the numbers say when the broker has said that a position is out of its range.
    async fn out_of_range(&self, error: event_log::Error) -> Failure {
        let now = Instant::now();
        let mut latest = self.ends.latest.clone();
        let since = latest.wait_for(|polled| polled.as_ref().is_some_and(|polled| polled.asked_at > now));
        // What was polled before may be from before the records were deleted.
        let found = match timeout(NUMBERS_WITHIN, since).await {
            Ok(Ok(polled)) => polled.as_ref().map_or(Ok(()), |polled| {
                identity::check_positions(&self.settings.kafka.topic, &polled.ends, &self.positions())
            }),
            Ok(Err(_)) | Err(_) => Ok(()),
        };
        Failure::new(Exit::LogIdentity, found.err().unwrap_or_else(|| error.to_string()))
    }

    fn on_lane_event(&mut self, event: Event) {
        match event {
            Event::Committed(positions) => {
                for (partition, position) in positions {
                    if let Some(reading) = self.reading.get_mut(&partition) {
                        reading.position = position;
                        reading.is_idle = false;
                    }
                }
            }
            Event::ReadFrom(assigned) => {
                for one in &assigned {
                    let Assigned { partition, position, generation } = *one;
                    self.reading.insert(partition, Reading { generation, position, is_idle: false });
                }
                self.consumer.seek(assigned);
            }
            Event::Dispossessed(reason) => {
                tracing::warn!(reason, "another member has a partition of ours; joining the group anew");
                let all: Vec<_> = self.reading.keys().copied().collect();
                self.reading.clear();
                drop(self.release(&all));
                self.consumer.rejoin();
            }
        }
    }

    fn tell_kafka(&mut self) {
        let positions = self.positions();
        let (told_at, told) = &self.told;
        if positions != *told || told_at.elapsed() >= TELL_AGAIN {
            self.consumer.commit(positions.clone());
            self.told = (Instant::now(), positions);
        }
    }

    fn on_tick(&mut self) -> Result<(), Failure> {
        self.tell_kafka();
        let polled = self.ends.latest.borrow().clone();
        let Some(polled) = polled else { return Ok(()) };
        self.check_log(&polled)?;
        let age = polled.asked_at.elapsed();
        let kafka =
            if age < KAFKA_AWAY_AFTER { Ok(()) } else { Err(format!("no answer for {} s", age.as_secs())) };
        self.shell.health.set("kafka", kafka);
        let positions = self.positions();
        self.shell.health.set("progress", self.watchdog.look(Instant::now(), &positions, &polled));
        let mut stuck = Vec::new();
        for (partition, reading) in &mut self.reading {
            let Some(marks) = polled.ends.get(partition) else { continue };
            let lag = reading.position.behind(marks.end);
            metrics::gauge!("food_orders_lag_events", "partition" => partition.to_string()).set(lag as f64);
            let queue = &self.queues[lane_of(*partition, self.queues.len())];
            // Only holes are left up to the end, and the end was reached before they were
            // known: reading from here once more either brings records or the end again.
            if lag > 0 && reading.is_idle && queue.is_idle() {
                let Reading { generation, position, .. } = *reading;
                stuck.push(Assigned { partition: *partition, position, generation });
            }
            reading.is_idle = lag > 0 && queue.is_idle();
        }
        if !stuck.is_empty() {
            self.consumer.seek(stuck);
        }
        Ok(())
    }

    /// Lets the lanes finish what is in flight, tells Kafka where they stand, and leaves.
    async fn stop(
        mut self,
        mut tasks: JoinSet<views::Result<()>>,
        mut from_lanes: mpsc::UnboundedReceiver<Event>,
    ) {
        let began = Instant::now();
        for lane in &self.lanes {
            let _ = lane.send(Command::Stop);
        }
        let drained =
            timeout(self.shell.shutdown_timeout, async { while tasks.join_next().await.is_some() {} });
        if drained.await.is_err() {
            tracing::warn!("a transaction was still in flight at the end of the time; it is rolled back");
        }
        while let Ok(Event::Committed(positions)) = from_lanes.try_recv() {
            self.on_lane_event(Event::Committed(positions));
        }
        let positions = self.positions();
        let consumer = self.consumer;
        let left = tokio::task::spawn_blocking(move || consumer.leave(positions));
        if timeout(self.shell.shutdown_timeout.saturating_sub(began.elapsed()), left).await.is_err() {
            tracing::warn!(
                "Kafka did not answer in time; the group notices by itself that this member is gone"
            );
        }
        tracing::info!("left the group");
    }

    fn positions(&self) -> BTreeMap<Partition, Position> {
        self.reading.iter().map(|(partition, reading)| (*partition, reading.position)).collect()
    }

    fn release(&self, partitions: &[Partition]) -> Vec<oneshot::Receiver<BTreeMap<Partition, Position>>> {
        self.by_lane(partitions)
            .map(|(lane, partitions)| {
                let (answer, answered) = oneshot::channel();
                let _ = self.lanes[lane].send(Command::Release { partitions, reply: answer });
                answered
            })
            .collect()
    }

    fn by_lane(&self, partitions: &[Partition]) -> impl Iterator<Item = (usize, Vec<Partition>)> {
        let mut lanes: BTreeMap<usize, Vec<Partition>> = BTreeMap::new();
        for partition in partitions {
            lanes.entry(lane_of(*partition, self.lanes.len())).or_default().push(*partition);
        }
        lanes.into_iter()
    }
}

fn list(partitions: &[Partition]) -> String {
    partitions.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}
