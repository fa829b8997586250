//! The polling thread: it carries out commands, polls, and hands records to the lanes.

use std::sync::Arc;
use std::sync::mpsc::{self, TryRecvError};
use std::time::{Duration, Instant};

use orders::{Partition, Position};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use tokio::sync::mpsc::UnboundedSender;

use super::admission::Admission;
use super::context::Context;
use super::pauses::Pauses;
use super::seeks::Seeks;
use super::{Command, GroupEvent, Membership, ReadFrom, lane_of};
use crate::bootstrap::Bootstrap;
use crate::error::{Error, Result, is_passing};
use crate::incoming::{Incoming, Receiver};
use crate::settings::has_new_protocol;

/// How soon a command is seen while no records arrive.
const POLL: Duration = Duration::from_millis(20);
/// How long polling waits for a full lane before it pauses the lane's partitions. Pausing throws away
/// what was fetched ahead, so it is worth some waiting.
const PAUSE_AFTER: Duration = Duration::from_millis(500);
/// Bounds the seek of one partition.
const SEEK_TIMEOUT: Duration = Duration::from_secs(2);
const REPEAT_WARNING_AFTER: Duration = Duration::from_secs(10);
/// Beating for every record would be costly under load.
const RECORDS_PER_BEAT: u32 = 256;

pub(super) struct Poller {
    receiver: Receiver<Context>,
    bootstrap: Bootstrap,
    topic: String,
    membership: Membership,
    commands: mpsc::Receiver<Command>,
    asks_for_new_protocol: bool,
    admission: Admission,
    pauses: Pauses,
    seeks: Seeks,
    warned_at: Option<Instant>,
    records_since_beat: u32,
}

impl Poller {
    pub(super) fn new(
        config: &ClientConfig,
        topic: String,
        membership: Membership,
        events: UnboundedSender<GroupEvent>,
        commands: mpsc::Receiver<Command>,
    ) -> Result<Self> {
        let context = Context::new(topic.clone(), membership.mark.clone(), events);
        let consumer: BaseConsumer<Context> =
            config.create_with_context(context).map_err(Error::during("setting up the consumer"))?;
        consumer.subscribe(&[&topic]).map_err(Error::during("subscribing to the topic"))?;
        let pauses = Pauses::new(membership.lanes.len());
        let bootstrap = Bootstrap::of(config);
        let asks_for_new_protocol = has_new_protocol(config);
        Ok(Self {
            receiver: Receiver::new(consumer),
            bootstrap,
            topic,
            membership,
            commands,
            asks_for_new_protocol,
            admission: Admission::default(),
            pauses,
            seeks: Seeks::default(),
            warned_at: None,
            records_since_beat: 0,
        })
    }

    pub(super) fn run(mut self) {
        self.membership.heartbeat.beat();
        loop {
            match self.carry_out_commands() {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => return self.consumer().context().fail(error),
            }
            if let Err(error) = self.step() {
                return self.consumer().context().fail(error);
            }
        }
    }

    /// Returns false after a command to stop.
    fn carry_out_commands(&mut self) -> Result<bool> {
        loop {
            match self.commands.try_recv() {
                Ok(Command::Commit(positions)) => {
                    self.consumer().context().commit(self.consumer(), &positions, CommitMode::Async);
                }
                Ok(Command::ReadFrom(from)) => self.read_from(from)?,
                Ok(Command::Rejoin) => self.rejoin()?,
                Ok(Command::Stop(positions)) => {
                    self.settle()?;
                    self.consumer().context().commit(self.consumer(), &positions, CommitMode::Sync);
                    return Ok(false);
                }
                Err(TryRecvError::Empty) => return Ok(true),
                Err(TryRecvError::Disconnected) => return Ok(false),
            }
        }
    }

    fn step(&mut self) -> Result<()> {
        let lanes = &self.membership.lanes;
        self.pauses.resume(self.receiver.consumer(), |lane| lanes[lane].is_full());
        for again in self.seeks.take_due(Instant::now()) {
            self.seek(again)?;
        }
        let full = match self.receiver.poll(POLL) {
            None => {
                self.beat();
                self.bootstrap.give_again(self.consumer().client());
                if self.admission.is_new(self.receiver.consumer().client(), Instant::now()) {
                    self.consumer().context().admitted();
                }
                None
            }
            Some(Incoming::Record(message)) => {
                self.records_since_beat += 1;
                let (partition, offset) = (message.partition(), message.offset());
                let lane = lane_of(partition, self.membership.lanes.len());
                let generation = self.consumer().context().state().readings.received(partition, offset);
                generation
                    .is_some_and(|generation| self.membership.lanes[lane].push(&message, generation))
                    .then_some(lane)
            }
            Some(Incoming::End(partition, end)) => {
                self.reached_end(partition, end);
                None
            }
            Some(Incoming::Failed { error, .. }) => return self.report(error),
        };
        if let Some(lane) = full {
            // A paused lane may be full of records that were on their way, or of partitions that were assigned
            // since: it is waited for and paused like any other, so that its queue stays bounded.
            if !self.membership.lanes[lane].wait_for_room(PAUSE_AFTER) {
                self.pauses.pause(lane, self.receiver.consumer());
            }
            self.beat();
        }
        if self.records_since_beat >= RECORDS_PER_BEAT {
            self.beat();
        }
        Ok(())
    }

    fn beat(&mut self) {
        self.records_since_beat = 0;
        self.membership.heartbeat.beat();
    }

    fn reached_end(&self, partition: Partition, end: Position) {
        let generation = self.consumer().context().state().readings.reached(partition, end);
        if let Some(generation) = generation {
            let lane = lane_of(partition, self.membership.lanes.len());
            self.membership.lanes[lane].end(partition, end, generation);
        }
    }

    fn consumer(&self) -> &BaseConsumer<Context> {
        self.receiver.consumer()
    }

    /// Seeks in partitions that librdkafka is already reading, and assigns the others.
    fn read_from(&mut self, from: Vec<ReadFrom>) -> Result<()> {
        let current = self.assignment()?;
        let (seek, assign): (Vec<_>, Vec<_>) = from
            .into_iter()
            .filter(|one| self.consumer().context().state().readings.accepts(one))
            .partition(|one| current.find_partition(&self.topic, one.partition.0).is_some());
        if !assign.is_empty() {
            self.consumer()
                .context()
                .assign(self.consumer(), &assign)
                .map_err(Error::during("assigning partitions"))?;
            self.pauses.pause_assigned(self.receiver.consumer());
        }
        self.seeks.replace(&seek);
        for one in seek {
            self.seek(one)?;
        }
        Ok(())
    }

    /// A seek that fails is repeated later, unless the partition has been taken away.
    fn seek(&mut self, from: ReadFrom) -> Result<()> {
        let (context, partition) = (Arc::clone(self.consumer().context()), from.partition);
        let is_assigned = self.assignment()?.find_partition(&self.topic, partition.0).is_some();
        if is_assigned && context.state().readings.accepts(&from) {
            let offset = Offset::Offset(from.position.0);
            match self.consumer().seek(&self.topic, partition.0, offset, SEEK_TIMEOUT) {
                Ok(()) => context.state().readings.begin(&from),
                Err(error) => {
                    tracing::warn!(%error, %partition, "the client does not move to the position; trying again");
                    self.seeks.failed(from, Instant::now());
                }
            }
            self.beat();
        }
        Ok(())
    }

    fn rejoin(&self) -> Result<()> {
        self.settle()?;
        self.consumer().unsubscribe();
        self.consumer().subscribe(&[&self.topic]).map_err(Error::during("subscribing to the topic"))
    }

    fn settle(&self) -> Result<()> {
        self.consumer()
            .context()
            .settle(self.consumer())
            .map_err(Error::during("answering an assignment with nothing"))
    }

    fn assignment(&self) -> Result<TopicPartitionList> {
        self.consumer().assignment().map_err(Error::during("reading the assignment"))
    }

    /// Warns of an error from which librdkafka recovers on its own. Any other error ends the reading.
    fn report(&mut self, error: KafkaError) -> Result<()> {
        self.beat();
        self.bootstrap.note(&error);
        match error.rdkafka_error_code() {
            // The classic protocol shuts out the member that came first, that of KIP-848 the one that came last.
            Some(RDKafkaErrorCode::FencedInstanceId) => return Err(Error::FencedInstance),
            Some(RDKafkaErrorCode::UnreleasedInstanceId) => return Err(Error::UnreleasedInstance),
            // The classic protocol is in every broker.
            Some(RDKafkaErrorCode::UnsupportedVersion) if self.asks_for_new_protocol => {
                return Err(Error::NoNewGroupProtocol);
            }
            Some(code) if is_passing(code) => {}
            _ => return Err(Error::while_reading("reading the log", error)),
        }
        if self.warned_at.is_none_or(|at| at.elapsed() > REPEAT_WARNING_AFTER) {
            self.warned_at = Some(Instant::now());
            tracing::warn!(%error, "Kafka reports an error; waiting for it to recover");
        }
        Ok(())
    }
}
