//! What one record says about its order.

use std::cmp::Reverse;

use super::Fields;
use crate::{EventType, LogOrder, Time};

#[derive(Clone, Debug)]
pub struct Fact<'a> {
    pub event: EventType,
    /// 1 to 2³¹−1.
    pub sequence: i32,
    pub at: LogOrder,
    pub occurred_at: Time,
    /// The event's attributes and unknown fields: everything that has no column of its own in the
    /// history.
    pub fields: Fields<'a>,
}

impl Fact<'_> {
    /// Whether this record wins over `other`: it has a higher sequence, or the same sequence and is
    /// earlier in log order.
    #[must_use]
    pub fn outranks(&self, other: &Fact<'_>) -> bool {
        self.rank() > other.rank()
    }

    /// What decides whether the record wins, without its fields.
    #[must_use]
    pub fn without_fields(&self) -> Fact<'static> {
        let Self { event, sequence, at, occurred_at, .. } = *self;
        Fact { event, sequence, at, occurred_at, fields: Fields::default() }
    }

    pub(super) fn rank(&self) -> (i32, Reverse<LogOrder>) {
        (self.sequence, Reverse(self.at))
    }
}
