//! The polling thread: it carries out commands, polls, and hands records to the lanes.

use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

use orders::Partition;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use tokio::sync::mpsc::UnboundedSender;

use super::context::Context;
use super::{Command, GroupEvent, Membership, ReadFrom, lane_of};
use crate::bootstrap::Bootstrap;
use crate::error::{Error, Result, is_passing};

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
    consumer: BaseConsumer<Context>,
    bootstrap: Bootstrap,
    topic: String,
    membership: Membership,
    commands: Receiver<Command>,
    /// For each lane, whether its partitions are paused.
    paused: Vec<bool>,
    warned_at: Option<Instant>,
    records_since_beat: u32,
}

impl Poller {
    pub(super) fn new(
        config: &ClientConfig,
        topic: String,
        membership: Membership,
        events: UnboundedSender<GroupEvent>,
        commands: Receiver<Command>,
    ) -> Result<Self> {
        let context = Context::new(topic.clone(), events, membership.ends.clone());
        let consumer: BaseConsumer<Context> =
            config.create_with_context(context).map_err(Error::during("setting up the consumer"))?;
        consumer.subscribe(&[&topic]).map_err(Error::during("subscribing to the topic"))?;
        let paused = vec![false; membership.lanes.len()];
        let bootstrap = Bootstrap::of(config);
        Ok(Self {
            consumer,
            bootstrap,
            topic,
            membership,
            commands,
            paused,
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
                Err(error) => return self.consumer.context().fail(error),
            }
            if let Err(error) = self.step() {
                return self.consumer.context().fail(error);
            }
        }
    }

    /// Returns false after a command to stop.
    fn carry_out_commands(&mut self) -> Result<bool> {
        loop {
            match self.commands.try_recv() {
                Ok(Command::Commit(positions)) => {
                    self.consumer.context().commit(&self.consumer, &positions, CommitMode::Async);
                }
                Ok(Command::ReadFrom(from)) => self.read_from(from)?,
                Ok(Command::Rejoin) => self.rejoin()?,
                Ok(Command::Stop(positions)) => {
                    self.settle()?;
                    self.consumer.context().commit(&self.consumer, &positions, CommitMode::Sync);
                    return Ok(false);
                }
                Err(TryRecvError::Empty) => return Ok(true),
                Err(TryRecvError::Disconnected) => return Ok(false),
            }
        }
    }

    fn step(&mut self) -> Result<()> {
        self.resume_lanes()?;
        let full = match self.consumer.poll(POLL) {
            None => {
                self.beat();
                self.bootstrap.give_again(self.consumer.client());
                None
            }
            Some(Ok(message)) => {
                self.records_since_beat += 1;
                let partition = Partition(message.partition());
                let lane = lane_of(partition, self.membership.lanes.len());
                let generation = self.consumer.context().state().readings.generation(partition);
                generation
                    .is_some_and(|generation| self.membership.lanes[lane].push(&message, generation))
                    .then_some(lane)
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                self.reached_end(Partition(partition));
                None
            }
            Some(Err(error)) => return self.report(error),
        };
        if let Some(lane) = full
            && !self.paused[lane]
        {
            if !self.membership.lanes[lane].wait_for_room(PAUSE_AFTER) {
                self.pause(lane)?;
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

    fn reached_end(&self, partition: Partition) {
        let end = self.consumer.context().state().readings.end(partition);
        if let Some((end, generation)) = end {
            let lane = lane_of(partition, self.membership.lanes.len());
            self.membership.lanes[lane].end(partition, end, generation);
        }
    }

    /// Seeks in partitions that librdkafka is already reading, and assigns the others.
    fn read_from(&mut self, from: Vec<ReadFrom>) -> Result<()> {
        let current = self.assignment()?;
        let (seek, assign): (Vec<_>, Vec<_>) = from
            .into_iter()
            .filter(|one| self.consumer.context().state().readings.accepts(one))
            .partition(|one| current.find_partition(&self.topic, one.partition.0).is_some());
        if !assign.is_empty() {
            self.consumer
                .context()
                .assign(&self.consumer, &assign)
                .map_err(Error::during("assigning partitions"))?;
        }
        for one in seek {
            self.seek(&one)?;
            self.beat();
        }
        Ok(())
    }

    fn seek(&self, from: &ReadFrom) -> Result<()> {
        let context = self.consumer.context();
        let end = context.end_offset(from.partition);
        let offset = Offset::Offset(from.position.0);
        self.consumer
            .seek(&self.topic, from.partition.0, offset, SEEK_TIMEOUT)
            .map_err(Error::during("seeking"))?;
        context.state().readings.begin(from, end);
        Ok(())
    }

    fn rejoin(&self) -> Result<()> {
        self.settle()?;
        self.consumer.unsubscribe();
        self.consumer.subscribe(&[&self.topic]).map_err(Error::during("subscribing to the topic"))
    }

    fn settle(&self) -> Result<()> {
        self.consumer
            .context()
            .settle(&self.consumer)
            .map_err(Error::during("answering an assignment with nothing"))
    }

    fn pause(&mut self, lane: usize) -> Result<()> {
        let list = self.lane_partitions(lane)?;
        if list.count() > 0 {
            tracing::debug!(lane, "paused: the database is slower than the log");
            // A lane that could not be paused is waited for again with its next record.
            self.paused[lane] = self.consumer.pause(&list).is_ok();
        }
        Ok(())
    }

    fn resume_lanes(&mut self) -> Result<()> {
        for lane in 0..self.paused.len() {
            if self.paused[lane] && !self.membership.lanes[lane].is_full() {
                let list = self.lane_partitions(lane)?;
                if list.count() > 0 {
                    self.consumer.resume(&list).map_err(Error::during("resuming partitions"))?;
                }
                self.paused[lane] = false;
            }
        }
        Ok(())
    }

    fn lane_partitions(&self, lane: usize) -> Result<TopicPartitionList> {
        let assignment = self.assignment()?;
        let mut list = TopicPartitionList::new();
        for element in assignment.elements() {
            if lane_of(Partition(element.partition()), self.paused.len()) == lane {
                list.add_partition(&self.topic, element.partition());
            }
        }
        Ok(list)
    }

    fn assignment(&self) -> Result<TopicPartitionList> {
        self.consumer.assignment().map_err(Error::during("reading the assignment"))
    }

    /// Warns of an error from which librdkafka recovers on its own. Any other error ends the reading.
    fn report(&mut self, error: KafkaError) -> Result<()> {
        self.beat();
        self.bootstrap.note(&error);
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => {
                return Err(Error::OutOfRange(error));
            }
            Some(RDKafkaErrorCode::BadMessage) => return Err(Error::CorruptBatch(error)),
            Some(code) if is_passing(code) => {}
            _ => return Err(Error::during("reading the log")(error)),
        }
        if self.warned_at.is_none_or(|at| at.elapsed() > REPEAT_WARNING_AFTER) {
            self.warned_at = Some(Instant::now());
            tracing::warn!(%error, "Kafka reports an error; waiting for it to recover");
        }
        Ok(())
    }
}
