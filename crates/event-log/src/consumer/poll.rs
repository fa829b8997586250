//! The polling thread.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

use orders::{Partition, Position};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use tokio::sync::mpsc::UnboundedSender;

use super::context::Context;
use super::{Assigned, Command, GroupEvent, Membership, lane_of};
use crate::bootstrap::Bootstrap;
use crate::error::{Error, Result, is_passing};

/// How soon a command is seen while no record comes.
const POLL: Duration = Duration::from_millis(20);
/// How long reading waits for a full lane before it pauses the lane's partitions:
/// pausing throws away what was fetched ahead.
const PAUSE_AFTER: Duration = Duration::from_millis(500);
const REPEAT_WARNING_AFTER: Duration = Duration::from_secs(10);

pub(super) struct Poller {
    consumer: BaseConsumer<Context>,
    bootstrap: Bootstrap,
    topic: String,
    membership: Membership,
    commands: Receiver<Command>,
    /// Per lane: its partitions are paused.
    paused: Vec<bool>,
    warned_at: Option<Instant>,
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
        Ok(Self { consumer, bootstrap, topic, membership, commands, paused, warned_at: None })
    }

    pub(super) fn run(mut self) {
        loop {
            match self.obey() {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => return self.consumer.context().fail(error),
            }
            if let Err(error) = self.step() {
                return self.consumer.context().fail(error);
            }
        }
    }

    /// Carries out what was asked for; false when the end was.
    fn obey(&mut self) -> Result<bool> {
        loop {
            match self.commands.try_recv() {
                Ok(Command::Commit(positions)) => {
                    self.consumer.context().commit_hint(&self.consumer, &positions);
                }
                Ok(Command::Seek(to)) => self.seek(&to),
                Ok(Command::Rejoin) => {
                    self.consumer.unsubscribe();
                    self.consumer
                        .subscribe(&[&self.topic])
                        .map_err(Error::during("subscribing to the topic"))?;
                }
                Ok(Command::Stop(positions)) => {
                    self.commit_last(&positions);
                    return Ok(false);
                }
                Err(TryRecvError::Empty) => return Ok(true),
                Err(TryRecvError::Disconnected) => return Ok(false),
            }
        }
    }

    fn step(&mut self) -> Result<()> {
        self.consumer
            .context()
            .complete_pending(&self.consumer)
            .map_err(Error::during("completing an assignment"))?;
        self.resume_lanes();
        let full = match self.consumer.poll(POLL) {
            None => {
                self.bootstrap.give_again(self.consumer.client());
                None
            }
            Some(Ok(message)) => {
                let partition = Partition(message.partition());
                let lane = lane_of(partition, self.membership.lanes.len());
                let generation = self.consumer.context().generation(partition);
                self.membership.lanes[lane].push(&message, generation).then_some(lane)
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                self.reached_end(Partition(partition));
                None
            }
            Some(Err(error)) => return self.report(error),
        };
        if let Some(lane) = full
            && !self.paused[lane]
            && !self.membership.lanes[lane].wait_for_room(PAUSE_AFTER)
        {
            self.pause(lane);
        }
        Ok(())
    }

    fn reached_end(&self, partition: Partition) {
        let context = self.consumer.context();
        if let Some(end) = context.end(partition) {
            let lane = lane_of(partition, self.membership.lanes.len());
            self.membership.lanes[lane].end(partition, end, context.generation(partition));
        }
    }

    fn seek(&self, to: &[Assigned]) {
        let Ok(assignment) = self.consumer.assignment() else { return };
        for one in to {
            // Revoked meanwhile: then there is nothing to read either.
            if assignment.find_partition(&self.topic, one.partition.0).is_none() {
                continue;
            }
            let ends = self.consumer.context().ends();
            let offset = Offset::Offset(one.position.0);
            match self.consumer.seek(&self.topic, one.partition.0, offset, Duration::from_secs(2)) {
                Ok(()) => self.consumer.context().read_from(&[*one], &ends),
                Err(error) => self.consumer.context().fail(Error::during("seeking")(error)),
            }
        }
    }

    fn pause(&mut self, lane: usize) {
        if let Some(list) = self.lane_partitions(lane) {
            tracing::debug!(lane, "paused: the database is slower than the log");
            self.paused[lane] = self.consumer.pause(&list).is_ok();
        }
    }

    fn resume_lanes(&mut self) {
        for lane in 0..self.paused.len() {
            if self.paused[lane] && !self.membership.lanes[lane].is_full() {
                self.paused[lane] = false;
                if let Some(list) = self.lane_partitions(lane)
                    && let Err(error) = self.consumer.resume(&list)
                {
                    self.consumer.context().fail(Error::during("resuming")(error));
                }
            }
        }
    }

    fn lane_partitions(&self, lane: usize) -> Option<TopicPartitionList> {
        let assignment = self.consumer.assignment().ok()?;
        let mut list = TopicPartitionList::new();
        for element in assignment.elements() {
            if lane_of(Partition(element.partition()), self.paused.len()) == lane {
                list.add_partition(&self.topic, element.partition());
            }
        }
        (list.count() > 0).then_some(list)
    }

    /// librdkafka mends most things itself; what it cannot, ends the reading.
    fn report(&mut self, error: KafkaError) -> Result<()> {
        self.bootstrap.note(&error);
        let code = error.rdkafka_error_code();
        if code == Some(RDKafkaErrorCode::AutoOffsetReset) || code == Some(RDKafkaErrorCode::OffsetOutOfRange)
        {
            return Err(Error::Log(format!("the log does not hold the offset to read next ({error})")));
        }
        if code == Some(RDKafkaErrorCode::BadMessage) {
            return Err(Error::Log(format!(
                "the log holds a batch that is corrupt: its checksum (CRC) does not fit ({error}); nothing of it was \
                 applied, and nothing behind it. Restore the partition from another replica, then start again"
            )));
        }
        if !code.is_some_and(is_passing) {
            return Err(Error::during("reading the log")(error));
        }
        if self.warned_at.is_none_or(|at| at.elapsed() > REPEAT_WARNING_AFTER) {
            self.warned_at = Some(Instant::now());
            tracing::warn!(%error, "Kafka is in trouble; waiting for it");
        }
        Ok(())
    }

    fn commit_last(&self, positions: &BTreeMap<Partition, Position>) {
        let mut list = TopicPartitionList::new();
        for (partition, position) in positions.iter().filter(|(_, position)| position.0 > 0) {
            let _ = list.add_partition_offset(&self.topic, partition.0, Offset::Offset(position.0));
        }
        if list.count() > 0
            && let Err(error) = self.consumer.commit(&list, CommitMode::Sync)
        {
            tracing::debug!(%error, "Kafka did not take the last offsets; the positions in PostgreSQL count");
        }
    }
}
