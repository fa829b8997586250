//! Lanes whose partitions are paused, because the database is slower than the log.

use orders::Partition;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer as _};

use super::context::Context;
use super::lane_of;

/// For each lane, whether its partitions are paused.
pub(super) struct Pauses(Vec<bool>);

impl Pauses {
    pub(super) fn new(lanes: usize) -> Self {
        Self(vec![false; lanes])
    }

    /// Pauses all partitions that the lane has now. To be called again for a paused lane that still receives
    /// records: an assignment brings partitions that are not paused.
    pub(super) fn pause(&mut self, lane: usize, consumer: &BaseConsumer<Context>) {
        let list = self.partitions(lane, consumer);
        if list.count() > 0 {
            tracing::debug!(lane, "paused: the database is slower than the log");
            // librdkafka pauses what it knows, and returns no error.
            let _ = consumer.pause(&list);
            self.0[lane] = true;
        }
    }

    /// Pauses what an assignment has added to paused lanes.
    pub(super) fn pause_assigned(&mut self, consumer: &BaseConsumer<Context>) {
        for lane in 0..self.0.len() {
            if self.0[lane] {
                self.pause(lane, consumer);
            }
        }
    }

    /// Resumes the paused lanes that have room again.
    pub(super) fn resume(&mut self, consumer: &BaseConsumer<Context>, is_full: impl Fn(usize) -> bool) {
        for lane in 0..self.0.len() {
            if self.0[lane] && !is_full(lane) {
                let _ = consumer.resume(&self.partitions(lane, consumer));
                self.0[lane] = false;
            }
        }
    }

    fn partitions(&self, lane: usize, consumer: &BaseConsumer<Context>) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        // Reading the assignment fails only while the client ends.
        for element in consumer.assignment().unwrap_or_default().elements() {
            if lane_of(Partition(element.partition()), self.0.len()) == lane {
                list.add_partition(element.topic(), element.partition());
            }
        }
        list
    }
}
