//! What the metrics of this crate mean.

use metrics::{Unit, counter, describe_counter, describe_histogram};

/// Gives them their help texts, in the recorder of the process.
pub fn describe() {
    // A counter that is exported as 0 from the start lets `rate()` see its first increment.
    counter!("food_orders_orders_refolded_total").absolute(0);
    counter!("food_orders_positions_went_back_total").absolute(0);
    describe_counter!(
        "food_orders_transactions_total",
        Unit::Count,
        "Database transactions, by name and outcome: committed or rolled_back."
    );
    describe_histogram!(
        "food_orders_transaction_duration_seconds",
        Unit::Seconds,
        "How long database transactions took, in seconds, by name."
    );
    describe_counter!(
        "food_orders_orders_refolded_total",
        Unit::Count,
        "Orders that were merged again from their records, because a record came out of order."
    );
    describe_counter!(
        "food_orders_positions_went_back_total",
        Unit::Count,
        "How often the database came back with an older position, whose records were then read again."
    );
}
