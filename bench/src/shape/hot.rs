//! Few orders with many events each, so that every batch has many events of the same order.

use super::{Lives, Plan, Writer};

const ORDERS: u64 = 100;
/// Those of the shortest complete life.
const LEAST_EVENTS_PER_ORDER: u64 = 4;

/// All orders are open until the end.
pub fn plan(events: u64) -> Plan {
    let orders = ORDERS.min(events / LEAST_EVENTS_PER_ORDER).max(1);
    let events_per_order = events.div_ceil(orders).max(LEAST_EVENTS_PER_ORDER);
    let lives = Lives { orders, events_per_order, in_flight: orders, more_fields: 0 };
    Plan { orders, events_per_order, writer: Writer::Bench(lives) }
}
