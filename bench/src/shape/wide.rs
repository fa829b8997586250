//! Large events: most of their fields have no column.

use super::{Lives, Plan, Writer};

const EVENTS_PER_ORDER: u64 = 4;
const MORE_FIELDS: u64 = 100;

pub fn plan(events: u64, in_flight: u64) -> Plan {
    let orders = events.div_ceil(EVENTS_PER_ORDER);
    let lives = Lives { orders, events_per_order: EVENTS_PER_ORDER, in_flight, more_fields: MORE_FIELDS };
    Plan { orders, events_per_order: EVENTS_PER_ORDER, writer: Writer::Bench(lives) }
}
