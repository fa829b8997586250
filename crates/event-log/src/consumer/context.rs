//! Rebalances: librdkafka calls back about them inside `poll`, on the polling thread.

use std::sync::mpsc::sync_channel;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use orders::{Partition, Position, Positions};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext, RebalanceProtocol};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientContext, Offset, TopicPartitionList};
use tokio::sync::mpsc::UnboundedSender;

use super::readings::Readings;
use super::{GroupEvent, ReadFrom};
use crate::error::Error;
use crate::group_mark;
use crate::quiet::on_error;

/// How long a revocation waits for what is in flight. The rebalance of the group waits with it.
const REVOKE_WAIT_LIMIT: Duration = Duration::from_secs(5);

pub(super) struct Context {
    topic: String,
    mark: String,
    events: UnboundedSender<GroupEvent>,
    state: Mutex<State>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) readings: Readings,
    /// librdkafka has called back with an assignment and waits for a call to `assign`.
    owes_assign: bool,
}

impl ClientContext for Context {
    fn error(&self, error: KafkaError, reason: &str) {
        on_error(&error, reason);
    }
}

impl ConsumerContext for Context {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        err: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        let list = partitions.elements().iter().map(|element| Partition(element.partition())).collect();
        let result = match err {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => self.on_assign(consumer, list),
            _ => self.on_revoke(consumer, list),
        };
        if let Err(error) = result {
            self.fail(Error::during("following a rebalance")(error));
        }
    }
}

impl Context {
    pub(super) fn new(topic: String, mark: String, events: UnboundedSender<GroupEvent>) -> Self {
        Self { topic, mark, events, state: Mutex::default() }
    }

    pub(super) fn fail(&self, error: Error) {
        // If the receiver is gone, the process is about to end.
        let _ = self.events.send(GroupEvent::Failed(error));
    }

    pub(super) fn admitted(&self) {
        let _ = self.events.send(GroupEvent::Admitted);
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has librdkafka read these partitions, which must be assigned and not being read yet.
    pub(super) fn assign(&self, consumer: &BaseConsumer<Self>, from: &[ReadFrom]) -> KafkaResult<()> {
        let mut list = TopicPartitionList::new();
        {
            let mut state = self.state();
            for one in from {
                state.readings.begin(one);
                list.add_partition_offset(&self.topic, one.partition.0, Offset::Offset(one.position.0))?;
            }
            state.owes_assign = false;
        }
        if is_cooperative(consumer) { consumer.incremental_assign(&list) } else { consumer.assign(&list) }
    }

    /// Answers an assignment that nobody else will answer. Until it is answered, librdkafka can neither
    /// rejoin nor leave the group cleanly.
    pub(super) fn settle(&self, consumer: &BaseConsumer<Self>) -> KafkaResult<()> {
        let owes_assign = self.state().owes_assign;
        if owes_assign { self.assign(consumer, &[]) } else { Ok(()) }
    }

    fn on_assign(&self, consumer: &BaseConsumer<Self>, partitions: Vec<Partition>) -> KafkaResult<()> {
        let assignment = {
            let mut state = self.state();
            state.owes_assign = true;
            state.readings.assign(&partitions)
        };
        let is_empty = partitions.is_empty();
        let sent = self.events.send(GroupEvent::Assigned { assignment, partitions });
        if is_empty || sent.is_err() { self.settle(consumer) } else { Ok(()) }
    }

    fn on_revoke(&self, consumer: &BaseConsumer<Self>, partitions: Vec<Partition>) -> KafkaResult<()> {
        let lost = consumer.assignment_lost();
        let assigned = consumer.assignment()?;
        {
            let mut state = self.state();
            state.readings.revoke(&partitions);
            state.owes_assign = false;
        }
        if !partitions.is_empty() {
            let (reply, answer) = sync_channel(1);
            let event = GroupEvent::Revoked { partitions: partitions.clone(), lost, reply };
            if self.events.send(event).is_ok()
                && !lost
                && let Ok(positions) = answer.recv_timeout(REVOKE_WAIT_LIMIT)
            {
                self.commit(consumer, &positions, CommitMode::Async);
            }
        }
        let mut list = TopicPartitionList::new();
        for partition in &partitions {
            // librdkafka refuses partitions that it was never told to read.
            if assigned.find_partition(&self.topic, partition.0).is_some() {
                list.add_partition(&self.topic, partition.0);
            }
        }
        // librdkafka keeps a pause beyond the assignment: a partition that came back would never be read.
        if list.count() > 0 {
            consumer.resume(&list)?;
        }
        if is_cooperative(consumer) { consumer.incremental_unassign(&list) } else { consumer.unassign() }
    }

    /// Commits the group's offsets. A failure does not matter, since only the positions in PostgreSQL
    /// count.
    pub(super) fn commit(&self, consumer: &BaseConsumer<Self>, positions: &Positions, mode: CommitMode) {
        let mut list = TopicPartitionList::new();
        // A partition without an offset starts at the beginning anyway, but one of them carries the mark.
        let needs_offset = |(partition, position): &(Partition, Position)| {
            *position > Position::START || *partition == group_mark::MARKED
        };
        for (partition, position) in positions.iter().filter(needs_offset) {
            let _ = group_mark::add(&mut list, &self.topic, partition, position, &self.mark);
        }
        if list.count() > 0
            && let Err(error) = consumer.commit(&list, mode)
        {
            tracing::debug!(%error, "Kafka did not accept the group's offsets; only the positions in PostgreSQL count");
        }
    }
}

fn is_cooperative(consumer: &BaseConsumer<Context>) -> bool {
    matches!(consumer.rebalance_protocol(), RebalanceProtocol::Cooperative)
}
