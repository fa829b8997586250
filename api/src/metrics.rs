//! What the metrics of the API mean.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// Gives them their help texts, in the recorder of the process.
pub fn describe() {
    views::metrics::describe();
    describe_counter!(
        "http_requests_total",
        Unit::Count,
        "Requests that were answered, by method, route and status."
    );
    describe_histogram!(
        "http_request_duration_seconds",
        Unit::Seconds,
        "How long requests took until the answer began, in seconds, by method and route."
    );
    describe_gauge!("http_requests_in_flight", Unit::Count, "Requests whose answer has not begun yet.");
    describe_gauge!(
        "food_orders_lag_events",
        Unit::Count,
        "Events in the log that the view has not applied yet."
    );
    describe_gauge!(
        "food_orders_lag_seconds",
        Unit::Seconds,
        "For how many seconds the view has been behind the log; 0 if it is not."
    );
    describe_gauge!(
        "food_orders_open_dead_letters",
        Unit::Count,
        "Dead letters that nobody has decided about."
    );
    describe_gauge!("food_orders_active_build", "The number of the build that answers.");
}
