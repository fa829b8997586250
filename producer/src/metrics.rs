//! The producer's metrics.

use event_log::Totals;
use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};
use orders::EventType;

const EVENTS: &str = "food_orders_produced_events_total";
const FAILURES: &str = "food_orders_produce_failures_total";
const IN_FLIGHT: &str = "food_orders_produce_in_flight_events";

pub fn describe() {
    describe_counter!(EVENTS, Unit::Count, "Events that the broker has acknowledged, by type.");
    describe_counter!(FAILURES, Unit::Count, "Events that were given up; they may or may not be in the log.");
    describe_gauge!(IN_FLIGHT, Unit::Count, "Events that were sent and are not acknowledged yet.");
}

pub fn publish(totals: &Totals) {
    for event in EventType::ALL {
        counter!(EVENTS, "event" => event.as_str()).absolute(totals.acknowledged[event.index()]);
    }
    counter!(FAILURES).absolute(totals.failed);
    gauge!(IN_FLIGHT).set(totals.unacknowledged() as f64);
}
