//! What librdkafka calls back for: rebalances. They run inside `poll`, on its thread.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use orders::{Partition, Position};
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext, RebalanceProtocol};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientContext, Offset, TopicPartitionList};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;

use super::{Assigned, GroupEvent};
use crate::client::Ends;
use crate::ends::Polled;
use crate::error::Error;
use crate::quiet::on_error;

/// How long a callback waits for the database; then polling goes on without.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

pub(super) struct Context {
    topic: String,
    events: UnboundedSender<GroupEvent>,
    ends: watch::Receiver<Option<Polled>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Assignments whose answer is still to come.
    pending: Vec<Pending>,
    reading: BTreeMap<Partition, Reading>,
}

/// A partition that is being read.
struct Reading {
    generation: u32,
    /// An end of the log that was known before reading began.
    end: Option<Position>,
}

struct Pending {
    partitions: Vec<Partition>,
    answer: Receiver<Vec<Assigned>>,
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
    pub(super) fn new(
        topic: String,
        events: UnboundedSender<GroupEvent>,
        ends: watch::Receiver<Option<Polled>>,
    ) -> Self {
        Self { topic, events, ends, state: Mutex::default() }
    }

    pub(super) fn fail(&self, error: Error) {
        // Without a listener the process is on its way out.
        let _ = self.events.send(GroupEvent::Failed(error));
    }

    pub(super) fn generation(&self, partition: Partition) -> u32 {
        self.state().reading.get(&partition).map_or(0, |reading| reading.generation)
    }

    /// Up to where everything is read once the reading of this partition has come to an end of the
    /// log: what was not there below was a hole. Ends that are known later do not count, for the
    /// news of an end waits in a queue behind records, while the log grows.
    pub(super) fn end(&self, partition: Partition) -> Option<Position> {
        self.state().reading.get(&partition)?.end
    }

    /// The ends of the log that are known by now.
    pub(super) fn ends(&self) -> Ends {
        self.ends.borrow().as_ref().map(|polled| polled.ends.clone()).unwrap_or_default()
    }

    /// `ends` must have been known before librdkafka was told to read from there.
    pub(super) fn read_from(&self, assigned: &[Assigned], ends: &Ends) {
        let mut state = self.state();
        for one in assigned {
            let end = ends.get(&one.partition).map(|marks| marks.end);
            state.reading.insert(one.partition, Reading { generation: one.generation, end });
        }
    }

    /// Completes assignments whose answer came after the callback had returned.
    pub(super) fn complete_pending(&self, consumer: &BaseConsumer<Self>) -> KafkaResult<()> {
        let pending = std::mem::take(&mut self.state().pending);
        for pending in pending {
            match pending.answer.try_recv() {
                Ok(assigned) => self.assign(consumer, &assigned)?,
                Err(TryRecvError::Empty) => self.state().pending.push(pending),
                Err(TryRecvError::Disconnected) => {}
            }
        }
        Ok(())
    }

    fn on_assign(&self, consumer: &BaseConsumer<Self>, partitions: Vec<Partition>) -> KafkaResult<()> {
        let (reply, answer) = sync_channel(1);
        let event = GroupEvent::Assigned { partitions: partitions.clone(), reply };
        if self.events.send(event).is_err() {
            return self.assign(consumer, &[]);
        }
        match answer.recv_timeout(ANSWER_WITHIN) {
            Ok(assigned) => self.assign(consumer, &assigned),
            Err(RecvTimeoutError::Timeout) => {
                tracing::warn!(?partitions, "the database has not answered yet; reading begins when it does");
                self.state().pending.push(Pending { partitions, answer });
                Ok(())
            }
            Err(RecvTimeoutError::Disconnected) => self.assign(consumer, &[]),
        }
    }

    fn on_revoke(&self, consumer: &BaseConsumer<Self>, partitions: Vec<Partition>) -> KafkaResult<()> {
        let lost = consumer.assignment_lost();
        let is_assigned = consumer.assignment()?;
        {
            let mut state = self.state();
            state.reading.retain(|partition, _| !partitions.contains(partition));
            state.pending.retain(|pending| !pending.partitions.iter().any(|one| partitions.contains(one)));
        }
        if !partitions.is_empty() {
            let (reply, answer) = sync_channel(1);
            let event = GroupEvent::Revoked { partitions: partitions.clone(), lost, reply };
            if self.events.send(event).is_ok()
                && !lost
                && let Ok(positions) = answer.recv_timeout(ANSWER_WITHIN)
            {
                self.commit_hint(consumer, &positions);
            }
        }
        if is_cooperative(consumer) {
            let mut list = TopicPartitionList::new();
            for partition in &partitions {
                if is_assigned.find_partition(&self.topic, partition.0).is_some() {
                    list.add_partition(&self.topic, partition.0);
                }
            }
            consumer.incremental_unassign(&list)
        } else {
            consumer.unassign()
        }
    }

    fn assign(&self, consumer: &BaseConsumer<Self>, assigned: &[Assigned]) -> KafkaResult<()> {
        self.read_from(assigned, &self.ends());
        let mut list = TopicPartitionList::new();
        for one in assigned {
            list.add_partition_offset(&self.topic, one.partition.0, Offset::Offset(one.position.0))?;
        }
        if is_cooperative(consumer) { consumer.incremental_assign(&list) } else { consumer.assign(&list) }
    }

    pub(super) fn commit_hint(
        &self,
        consumer: &BaseConsumer<Self>,
        positions: &BTreeMap<Partition, Position>,
    ) {
        let mut list = TopicPartitionList::new();
        for (partition, position) in positions {
            // Position 0 says nothing that the group does not know.
            if position.0 > 0 {
                let _ = list.add_partition_offset(&self.topic, partition.0, Offset::Offset(position.0));
            }
        }
        if list.count() > 0
            && let Err(error) = consumer.commit(&list, rdkafka::consumer::CommitMode::Async)
        {
            tracing::debug!(%error, "Kafka did not take the offsets; the positions in PostgreSQL count");
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_cooperative(consumer: &BaseConsumer<Context>) -> bool {
    matches!(consumer.rebalance_protocol(), RebalanceProtocol::Cooperative)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::client::Watermarks;

    fn polled(end: i64) -> Polled {
        let marks = Watermarks { low: Position::START, end: Position(end) };
        Polled {
            asked_at: Instant::now(),
            ends: Ends::from([(Partition(0), marks)]),
            highs: BTreeMap::new(),
            identity: None,
        }
    }

    #[test]
    fn an_end_counts_only_if_it_was_known_before_reading_began() {
        let (known, ends) = watch::channel(None);
        let context = Context::new("t".into(), tokio::sync::mpsc::unbounded_channel().0, ends);
        let assigned = Assigned { partition: Partition(0), position: Position::START, generation: 1 };
        context.read_from(&[assigned], &context.ends());
        known.send(Some(polled(2))).unwrap();
        assert_eq!(context.end(Partition(0)), None);
        context.read_from(&[assigned], &context.ends());
        known.send(Some(polled(3))).unwrap();
        assert_eq!(context.end(Partition(0)), Some(Position(2)));
    }
}
