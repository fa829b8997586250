//! Orders as the producer makes them: placed, paid, shipped, delivered.

use super::{Plan, Writer};

const EVENTS_PER_ORDER: u64 = 4;

pub fn plan(events: u64) -> Plan {
    Plan {
        orders: events.div_ceil(EVENTS_PER_ORDER),
        events_per_order: EVENTS_PER_ORDER,
        writer: Writer::Producer(&[]),
    }
}
