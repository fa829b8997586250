//! Rebalances wait here until the owner of the member answers them.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use orders::Partition;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientContext, TopicPartitionList};

use super::TopicPartition;
use crate::quiet::on_error;

/// What the group has decided.
pub(super) enum Rebalance {
    Assigned(Vec<TopicPartition>),
    Revoked,
}

#[derive(Default)]
pub(super) struct Rebalances(Mutex<State>);

#[derive(Default)]
struct State {
    waiting: VecDeque<Rebalance>,
    /// Nobody will answer any more.
    is_closing: bool,
}

impl Rebalances {
    pub fn take(&self) -> Option<Rebalance> {
        self.state().waiting.pop_front()
    }

    /// Answers what waits, and from now on everything at once.
    pub fn close(&self, consumer: &BaseConsumer<Self>) {
        {
            let mut state = self.state();
            state.is_closing = true;
            state.waiting.clear();
        }
        unassign(consumer);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unassign(consumer: &BaseConsumer<Rebalances>) {
    if let Err(error) = consumer.unassign() {
        tracing::debug!(%error, "giving partitions up");
    }
}

impl ClientContext for Rebalances {
    fn error(&self, error: KafkaError, reason: &str) {
        on_error(&error, reason);
    }
}

impl ConsumerContext for Rebalances {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        err: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        if self.state().is_closing {
            return unassign(consumer);
        }
        let list =
            partitions.elements().into_iter().map(|one| (one.topic().to_owned(), Partition(one.partition())));
        let rebalance = match err {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => Rebalance::Assigned(list.collect()),
            _ => Rebalance::Revoked,
        };
        self.state().waiting.push_back(rebalance);
    }
}
