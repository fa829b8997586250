//! The content of one record, in a form that both the log and the history can give.

use std::borrow::Cow;

use orders::{Decoded, Fields, Offset, Partition, Record, Time};
use views::apply::event_id;
use views::history::HistoryRow;
use views::{EventId, TraceId};

#[derive(Clone, Debug, PartialEq, Hash)]
pub(in crate::steps) struct Content<'a> {
    pub(super) partition: Partition,
    pub(super) offset: Offset,
    pub(super) order_id: Cow<'a, str>,
    /// What stands for it in the table; see [`orders::EventType::code`].
    pub(super) event: u8,
    pub(super) sequence: i32,
    pub(super) event_id: EventId<'a>,
    pub(super) occurred_at: Time,
    pub(super) appended_at: Time,
    /// The text of a JSON object.
    pub(super) details: Option<&'a str>,
    pub(super) trace_id: Option<TraceId<'a>>,
    /// The retry that admitted the record; it is not in the log.
    pub(super) decision: Option<i64>,
}

impl<'a> Content<'a> {
    /// `details`: where to write the details.
    pub(super) fn of_record(
        topic: &str,
        record: &Record<'a>,
        decoded: &Decoded<'a>,
        decision: Option<i64>,
        details: &'a mut String,
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
            details: write_details(&fact.fields, details),
            trace_id: record.trace_id().map(TraceId::of),
            decision,
        }
    }

    pub(in crate::steps) fn of_row(row: &HistoryRow<'a>) -> Self {
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
            details: fact.details,
            trace_id: row.trace_id,
            decision: row.decision,
        }
    }
}

/// What the history has to hold of these fields: names and values in the order and in the form in which the log has
/// them. It shares no code with what writes the history.
fn write_details<'s>(fields: &Fields<'_>, out: &'s mut String) -> Option<&'s str> {
    out.clear();
    for (name, value) in fields.iter() {
        out.push(if out.is_empty() { '{' } else { ',' });
        if name.bytes().any(|byte| byte < b' ' || byte == b'"' || byte == b'\\') {
            out.push_str(&serde_json::Value::from(name).to_string());
        } else {
            out.extend(["\"", name, "\""]);
        }
        out.extend([":", value]);
    }
    if out.is_empty() {
        return None;
    }
    out.push('}');
    Some(out)
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::content_hash::ContentHasher;
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
            details: Some(r#"{"a":1}"#),
            trace_id: None,
            decision: None,
        }
    }

    #[test]
    fn details_are_written_as_the_history_has_them() {
        let mut out = String::from("of the record before");
        assert_eq!(write_details(&Fields::default(), &mut out), None);
        for details in [r#"{"a":1}"#, r#"{"b":[1, 2.50],"a":"\u00e9","b":{}}"#, r#"{"q\"\\\n":null,"é":-0}"#]
        {
            let fields = Fields::from_object(details).unwrap();
            assert_eq!(write_details(&fields, &mut out), Some(details));
            let mut written = String::from("{");
            fields.write_members(&mut written);
            assert_eq!(written + "}", details);
        }
    }

    #[test]
    fn every_value_is_in_the_hash() {
        let mut hasher = ContentHasher::default();
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
            assert_ne!(hasher.hash(&one), hasher.hash(&other), "{other:?}");
        }
    }
}
