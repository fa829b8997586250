//! What the metrics of the consumer mean.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// Gives them their help texts.
pub fn describe() {
    views::metrics::describe();
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
        "food_orders_lag_events",
        Unit::Count,
        "Offsets between the position of a partition and the end of the log, by partition."
    );
    describe_gauge!(
        "food_orders_unverified_partitions",
        Unit::Count,
        "Partitions whose last applied record could not be compared with the log."
    );
}
