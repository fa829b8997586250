//! The shapes that a backlog can have: how many events an order has, and how large they are. In each shape,
//! all orders have equally many events, and are delivered in the end.

mod five;
mod hot;
mod lives;
mod usual;
mod wide;

use clap::ValueEnum;
use serde::Serialize;

pub use lives::Lives;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// Four events per order, of about 240 bytes each
    Usual,
    /// Five events per order: one of the four is written twice
    Five,
    /// All events in 100 orders
    Hot,
    /// Four events per order, of about 4 KB each: 100 fields that have no column
    Wide,
}

/// The backlog of a shape.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub orders: u64,
    pub events_per_order: u64,
    pub writer: Writer,
}

/// What writes it.
#[derive(Clone, Copy, Debug)]
pub enum Writer {
    /// The real producer, with these arguments.
    Producer(&'static [&'static str]),
    /// This program, because the producer makes no such orders.
    Bench(Lives),
}

impl Shape {
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// A backlog of at least this many events, of complete orders.
    pub fn plan(self, events: u64, in_flight: u64) -> Plan {
        match self {
            Self::Usual => usual::plan(events),
            Self::Five => five::plan(events),
            Self::Hot => hot::plan(events),
            Self::Wide => wide::plan(events, in_flight),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backlog_has_the_events_that_were_asked_for_and_completes_its_orders() {
        let plan = |shape: Shape, events| {
            let plan = shape.plan(events, 5000);
            (plan.orders, plan.events_per_order)
        };
        assert_eq!(plan(Shape::Usual, 1001), (251, 4));
        assert_eq!(plan(Shape::Five, 1001), (201, 5));
        assert_eq!(plan(Shape::Hot, 1001), (100, 11));
        assert_eq!(plan(Shape::Wide, 1001), (251, 4));
        assert_eq!(plan(Shape::Hot, 4), (1, 4));
    }
}
