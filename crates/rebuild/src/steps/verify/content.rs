//! The content of one record, in a form that both the log and the history can give.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};

use orders::{Decoded, Offset, Partition, Record, Time};
use views::apply::derived_event_id;
use views::history::HistoryRow;

use super::canonical;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Content<'a> {
    pub(super) partition: Partition,
    pub(super) offset: Offset,
    pub(super) order_id: Cow<'a, str>,
    pub(super) event: &'a str,
    pub(super) status: &'a str,
    pub(super) sequence: i32,
    pub(super) event_id: Cow<'a, str>,
    pub(super) occurred_at: Time,
    pub(super) appended_at: Time,
    /// A hash of the details by their meaning.
    pub(super) details: Option<u64>,
    pub(super) trace_id: Option<&'a str>,
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
            event: fact.event.as_str(),
            status: fact.event.status().as_str(),
            sequence: fact.sequence,
            event_id: match &decoded.event_id {
                Some(id) => id.clone(),
                None => Cow::Owned(derived_event_id(topic, record)),
            },
            occurred_at: fact.occurred_at,
            appended_at: fact.at.appended_at,
            details: canonical::hash_members(fact.fields.iter()),
            trace_id: record.trace_id(),
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
            status: row.status,
            sequence: fact.sequence,
            event_id: Cow::Borrowed(row.event_id),
            occurred_at: fact.occurred_at,
            appended_at: fact.at.appended_at,
            details: fact.details.map(canonical::hash),
            trace_id: row.trace_id,
            decision: row.decision,
        }
    }

    pub(super) fn hash(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.partition, self.offset, &self.order_id, self.event, self.status).hash(&mut hasher);
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
            event: "OrderPaid",
            status: "paid",
            sequence: 2,
            event_id: Cow::Borrowed("e"),
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
        let changes: [fn(&mut Content<'_>); 12] = [
            |content| content.partition.0 += 1,
            |content| content.offset.0 += 1,
            |content| content.order_id = "b".into(),
            |content| content.event = "OrderShipped",
            |content| content.status = "shipped",
            |content| content.sequence += 1,
            |content| content.event_id = "f".into(),
            |content| content.occurred_at = Time::from_micros(9),
            |content| content.appended_at = Time::from_micros(9),
            |content| content.details = None,
            |content| content.trace_id = Some("t"),
            |content| content.decision = Some(1),
        ];
        for change in changes {
            let mut other = one.clone();
            change(&mut other);
            assert_ne!(one.hash(), other.hash(), "{other:?}");
        }
    }
}
