//! The content of one record, in a form that both the log and the history can give.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};

use orders::{Decoded, Offset, Partition, Record, Time};
use views::apply::event_id;
use views::history::HistoryRow;
use views::{EventId, TraceId};

use super::canonical;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Content<'a> {
    pub(super) partition: Partition,
    pub(super) offset: Offset,
    pub(super) order_id: Cow<'a, str>,
    /// What stands for it in the table; see [`orders::EventType::code`].
    pub(super) event: u8,
    pub(super) sequence: i32,
    pub(super) event_id: EventId<'a>,
    pub(super) occurred_at: Time,
    pub(super) appended_at: Time,
    /// A hash of the details by their meaning.
    pub(super) details: Option<u64>,
    pub(super) trace_id: Option<TraceId<'a>>,
    /// The retry that admitted the record; it is not in the log.
    pub(super) decision: Option<i64>,
}

impl<'a> Content<'a> {
    pub(super) fn of_record(
        topic: &str,
        record: &Record<'a>,
        decoded: &Decoded<'a>,
        decision: Option<i64>,
    ) -> Self {
        let fact = &decoded.fact;
        Self {
            partition: record.partition,
            offset: record.offset,
            order_id: decoded.order_id.clone(),
            event: fact.event.code(),
            sequence: fact.sequence,
            event_id: event_id(topic, record, decoded),
            occurred_at: fact.occurred_at,
            appended_at: fact.at.appended_at,
            details: canonical::hash_members(fact.fields.iter()),
            trace_id: record.trace_id().map(TraceId::of),
            decision,
        }
    }

    pub(super) fn of_row(row: &HistoryRow<'a>) -> Self {
        let fact = row.fact_row;
        Self {
            partition: fact.at.partition,
            offset: fact.at.offset,
            order_id: Cow::Borrowed(fact.order_id),
            event: fact.event,
            sequence: fact.sequence,
            event_id: row.event_id.clone(),
            occurred_at: fact.occurred_at,
            appended_at: fact.at.appended_at,
            details: fact.details.map(canonical::hash),
            trace_id: row.trace_id,
            decision: row.decision,
        }
    }

    pub(super) fn hash(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.partition, self.offset, &self.order_id, self.event).hash(&mut hasher);
        (self.sequence, &self.event_id, self.occurred_at, self.appended_at).hash(&mut hasher);
        (self.details, self.trace_id, self.decision).hash(&mut hasher);
        hasher.finish()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::steps::verify) fn content(offset: i64, order_id: &str) -> Content<'_> {
        Content {
            partition: Partition(0),
            offset: Offset(offset),
            order_id: Cow::Borrowed(order_id),
            event: b'P',
            sequence: 2,
            event_id: EventId::of("e".into()),
            occurred_at: Time::from_micros(1),
            appended_at: Time::from_micros(2),
            details: Some(3),
            trace_id: None,
            decision: None,
        }
    }

    #[test]
    fn every_value_is_in_the_hash() {
        let one = content(1, "a");
        let changes: [fn(&mut Content<'_>); 11] = [
            |content| content.partition.0 += 1,
            |content| content.offset.0 += 1,
            |content| content.order_id = "b".into(),
            |content| content.event = b'S',
            |content| content.sequence += 1,
            |content| content.event_id = EventId::of("f".into()),
            |content| content.occurred_at = Time::from_micros(9),
            |content| content.appended_at = Time::from_micros(9),
            |content| content.details = None,
            |content| content.trace_id = Some(TraceId::of("t")),
            |content| content.decision = Some(1),
        ];
        for change in changes {
            let mut other = one.clone();
            change(&mut other);
            assert_ne!(one.hash(), other.hash(), "{other:?}");
        }
    }
}
