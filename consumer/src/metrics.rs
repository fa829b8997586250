//! What the metrics of the consumer mean, and the lag among them.

use std::collections::BTreeSet;

use event_log::LogEnds;
use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge};
use orders::{Partition, Positions};

const LAG: &str = "food_orders_lag_events";

/// Gives them their help texts.
pub fn describe() {
    views::metrics::describe();
    // A counter that is exported as 0 from the start lets `rate()` see its first increment.
    counter!("food_orders_records_applied_total").absolute(0);
    counter!("food_orders_dead_letters_total").absolute(0);
    counter!("food_orders_batches_total").absolute(0);
    counter!("food_orders_retries_total").absolute(0);
    describe_counter!(
        "food_orders_records_applied_total",
        Unit::Count,
        "Records of the log that were applied, dead letters among them."
    );
    describe_counter!(
        "food_orders_dead_letters_total",
        Unit::Count,
        "Records that could not be applied and became dead letters."
    );
    describe_counter!(
        "food_orders_batches_total",
        Unit::Count,
        "Transactions in which records were applied."
    );
    describe_histogram!(
        "food_orders_batch_seconds",
        Unit::Seconds,
        "How long applying what was read took, in seconds, with all attempts."
    );
    describe_counter!(
        "food_orders_retries_total",
        Unit::Count,
        "Attempts to write that failed and were made again after a pause."
    );
    describe_gauge!(
        LAG,
        Unit::Count,
        "Offsets between the position of a partition and the end of the log, by partition; 0 once another consumer has it."
    );
    describe_gauge!(
        "food_orders_unverified_partitions",
        Unit::Count,
        "Partitions whose last applied record could not be compared with the log."
    );
}

/// The lag of each partition that this consumer has or has had.
#[derive(Default)]
pub struct LagGauges(BTreeSet<Partition>);

impl LagGauges {
    pub fn set(&mut self, positions: &Positions, ends: &LogEnds) {
        for (partition, position) in positions.iter() {
            if let Some(range) = ends.ranges.get(&partition) {
                self.0.insert(partition);
                gauge(partition).set(position.behind(range.end_offset) as f64);
            }
        }
        // What another consumer has now is not counted twice.
        self.0.retain(|partition| {
            let is_ours = positions.contains(*partition);
            if !is_ours {
                gauge(*partition).set(0.0);
            }
            is_ours
        });
    }
}

fn gauge(partition: Partition) -> metrics::Gauge {
    gauge!(LAG, "partition" => partition.to_string())
}
