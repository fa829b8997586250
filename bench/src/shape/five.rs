//! Usual orders, but one event of each is written twice, as by a sender that missed an answer.

use super::{Plan, Writer};

const EVENTS_PER_ORDER: u64 = 5;

pub fn plan(events: u64) -> Plan {
    Plan {
        orders: events.div_ceil(EVENTS_PER_ORDER),
        events_per_order: EVENTS_PER_ORDER,
        writer: Writer::Producer(&["--duplicate-share", "1"]),
    }
}
