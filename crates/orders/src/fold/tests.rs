//! The merge against a second implementation of its rule, for any order, number and grouping of records.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Map, Value};

use super::*;
use crate::{EventType, LogOrder, Offset, Partition, Time};

/// A record that owns its text.
#[derive(Clone, Debug)]
struct Given {
    event: EventType,
    sequence: i32,
    at: LogOrder,
    occurred_at: Time,
    fields: Vec<(String, String)>,
}

impl Given {
    fn fact(&self) -> Fact<'_> {
        let mut fields = Fields::default();
        for (name, raw) in &self.fields {
            fields.push(name.as_str().into(), raw);
        }
        let Self { event, sequence, at, occurred_at, .. } = *self;
        Fact { event, sequence, at, occurred_at, fields }
    }
}

fn event() -> impl Strategy<Value = EventType> {
    (0..EventType::ALL.len()).prop_map(|index| EventType::ALL[index])
}

/// Few names and values, so that the fields of different records clash.
fn field() -> impl Strategy<Value = (String, String)> {
    let names = ["customer_id", "currency", "payment_method", "courier_id", "reason", "note", "a\"b"];
    let values = [r#""x""#, r#""y\n""#, "null", r#""""#];
    let text = (0..names.len(), 0..values.len()).prop_map(move |(name, value)| (names[name], values[value]));
    let number = (0..3_usize, 0..5_i64).prop_map(|(name, value)| {
        (["total_cents", "amount_cents", "note"][name].to_owned(), value.to_string())
    });
    prop_oneof![text.prop_map(|(name, value)| (name.to_owned(), value.to_owned())), number]
}

prop_compose! {
    /// A record at `offset`, which makes its place in the log unique.
    fn record(offset: i64)(
        event in event(),
        sequence in 1..6_i32,
        appended in 0..4_i64,
        partition in 0..3_i32,
        occurred in 0..4_i64,
        fields in prop::collection::vec(field(), 0..4),
    ) -> Given {
        let appended_at = Time::from_millis(appended);
        let at = LogOrder { appended_at, partition: Partition(partition), offset: Offset(offset) };
        Given { event, sequence, at, occurred_at: Time::from_millis(occurred), fields }
    }
}

fn records(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Given>> {
    count.prop_flat_map(|count| (0..count as i64).map(record).collect::<Vec<_>>())
}

fn fold<'a>(records: impl IntoIterator<Item = &'a Given>) -> OrderState<'a> {
    let mut state = OrderState::default();
    records.into_iter().for_each(|record| state.add(record.fact()));
    state
}

/// The values of a row by column, and its details.
type Row = (BTreeMap<&'static str, String>, Option<Map<String, Value>>);

/// The row of a state by column, with `details` as `jsonb` reads them.
fn columns(state: &OrderState<'_>) -> Option<Row> {
    let row = state.row()?;
    let mut columns = BTreeMap::from([
        ("status", row.status.to_string()),
        ("last_updated", row.last_updated.to_string()),
        ("sequence", row.sequence.to_string()),
    ]);
    let times = [
        ("created_at", row.created_at),
        ("paid_at", row.paid_at),
        ("shipped_at", row.shipped_at),
        ("delivered_at", row.delivered_at),
        ("cancelled_at", row.cancelled_at),
    ];
    let texts = [
        ("customer_id", row.customer_id),
        ("restaurant_id", row.restaurant_id),
        ("currency", row.currency),
        ("payment_method", row.payment_method),
        ("courier_id", row.courier_id),
        ("cancel_reason", row.cancel_reason),
    ];
    columns.extend(times.into_iter().filter_map(|(name, time)| Some((name, time?.to_string()))));
    columns.extend(texts.into_iter().filter_map(|(name, text)| Some((name, text?.into_owned()))));
    columns.extend(row.total_cents.map(|cents| ("total_cents", cents.to_string())));
    let details = row.details.map(|details| serde_json::from_str(&details).unwrap());
    Some((columns, details))
}

/// The rule, implemented a second time: sort, take the last of each group, and the status from the last
/// of all.
fn model(records: &[Given]) -> Option<Row> {
    let mut sorted: Vec<&Given> = records.iter().collect();
    sorted.sort_by_key(|record| (record.sequence, Reverse(record.at)));
    let latest = *sorted.last()?;
    sorted.reverse();
    let mut winners: Vec<&Given> = Vec::new();
    for record in sorted {
        if winners.iter().all(|winner| winner.event != record.event) {
            winners.push(record);
        }
    }
    let mut columns = BTreeMap::from([
        ("status", latest.event.status().to_string()),
        ("last_updated", latest.occurred_at.to_string()),
        ("sequence", latest.sequence.to_string()),
    ]);
    let mut details = Map::new();
    for winner in winners.into_iter().rev() {
        let (time, own): (_, &[(&str, &str)]) = match winner.event {
            EventType::OrderCreated => (
                "created_at",
                &[
                    ("customer_id", "customer_id"),
                    ("restaurant_id", "restaurant_id"),
                    ("currency", "currency"),
                    ("total_cents", "total_cents"),
                ],
            ),
            EventType::OrderPaid => ("paid_at", &[("payment_method", "payment_method")]),
            EventType::OrderShipped => ("shipped_at", &[("courier_id", "courier_id")]),
            EventType::OrderDelivered => ("delivered_at", &[]),
            EventType::OrderCancelled => ("cancelled_at", &[("reason", "cancel_reason")]),
        };
        columns.insert(time, winner.occurred_at.to_string());
        for (name, raw) in &winner.fields {
            let value: Value = serde_json::from_str(raw).unwrap();
            match own.iter().find(|(field, _)| field == name) {
                None => {
                    details.insert(name.clone(), value);
                }
                Some((_, column)) => match value {
                    Value::Null => drop(columns.remove(column)),
                    Value::String(text) => drop(columns.insert(column, text)),
                    number => drop(columns.insert(column, number.to_string())),
                },
            }
        }
    }
    Some((columns, Some(details).filter(|details| !details.is_empty())))
}

/// Whether the upsert may change the row in place: see [`overlay`].
fn is_easy(row: &OrderState<'_>, incoming: &OrderState<'_>) -> bool {
    let present = |fact: &Fact<'_>| row.winners().any(|other| other.event == fact.event);
    let first = incoming.first_sequence().unwrap();
    row.latest().is_none_or(|latest| latest.sequence < first) && !incoming.winners().any(present)
}

/// What the upsert does in its easy case: `COALESCE(incoming, existing)` for each column and
/// `existing || incoming` for the details.
fn overlay(row: &OrderState<'_>, incoming: &OrderState<'_>) -> Option<Row> {
    let Some((mut all, mut details)) = columns(row) else { return columns(incoming) };
    let (new, new_details) = columns(incoming)?;
    all.extend(new);
    match (&mut details, new_details) {
        (Some(details), Some(new)) => details.extend(new),
        (None, new) => details = new,
        (Some(_), None) => {}
    }
    Some((all, details))
}

proptest! {
    #[test]
    fn the_row_is_that_of_the_model(records in records(0..9)) {
        prop_assert_eq!(columns(&fold(&records)), model(&records));
    }

    #[test]
    fn any_order_and_any_duplication_give_the_same_state(
        (records, again) in records(0..9).prop_flat_map(|records| {
            let doubled: Vec<_> = records.iter().chain(&records).cloned().collect();
            (Just(records), Just(doubled).prop_shuffle())
        }),
        kept in 0..20_usize,
    ) {
        // Every record once, and some of them a second time.
        let some = again.iter().take(kept).chain(&records);
        prop_assert_eq!(columns(&fold(some)), columns(&fold(&records)));
        prop_assert_eq!(columns(&fold(&again)), columns(&fold(&records)));
    }

    #[test]
    fn any_split_into_batches_gives_the_same_state(
        records in records(0..12),
        batch_of in prop::collection::vec(0..4_usize, 12),
        order in Just([0_usize, 1, 2, 3]).prop_shuffle(),
    ) {
        let batch = |batch| {
            fold(records.iter().zip(&batch_of).filter(move |(_, of)| **of == batch).map(|(record, _)| record))
        };
        let mut merged = OrderState::default();
        for one in order {
            merged.merge(batch(one));
        }
        prop_assert_eq!(columns(&merged), columns(&fold(&records)));
        // ((a b) c) d = a (b (c d))
        let mut right = batch(3);
        for one in [2, 1, 0] {
            let mut left = batch(one);
            left.merge(right);
            right = left;
        }
        prop_assert_eq!(columns(&right), columns(&fold(&records)));
    }

    #[test]
    fn the_easy_case_of_the_upsert_equals_the_fold(
        mut records in records(1..9),
        split in 0..9_usize,
        of_row in prop::array::uniform5(any::<bool>()),
        lift in 0..8_i32,
    ) {
        // Often the easy case holds: later sequences, other groups.
        for record in &mut records {
            if !of_row[record.event.index()] {
                record.sequence += lift;
            }
        }
        let is_of_row = |index: usize, record: &Given| if lift > 0 { of_row[record.event.index()] } else { index < split };
        let pick = |wanted: bool| {
            let all = records.iter().enumerate();
            fold(all.filter(move |(index, record)| is_of_row(*index, record) == wanted).map(|(_, record)| record))
        };
        let (row, incoming) = (pick(true), pick(false));
        if incoming.latest().is_some() && is_easy(&row, &incoming) {
            prop_assert_eq!(overlay(&row, &incoming), columns(&fold(&records)));
        }
    }

    #[test]
    fn fields_come_back_from_an_object(
        pairs in prop::collection::vec((any::<String>(), any::<String>().prop_map(|text| Value::from(text).to_string())), 0..6),
    ) {
        let mut fields = Fields::default();
        for (name, raw) in &pairs {
            fields.push(name.as_str().into(), raw);
        }
        let mut json = String::from("{");
        fields.write_members(&mut json);
        json.push('}');
        prop_assert_eq!(Fields::from_object(&json).unwrap(), fields);
    }

    #[test]
    fn fields_read_jsonb_text(value in 0..1000_i64) {
        // As PostgreSQL prints it: with spaces, keys by length.
        let json = format!(r#"{{"a": {value}, "bb": {{"c": [1, "x y"]}}}}"#);
        let fields = Fields::from_object(&json).unwrap();
        let number = value.to_string();
        prop_assert_eq!(fields.iter().collect::<Vec<_>>(), [("a", number.as_str()), ("bb", r#"{"c": [1, "x y"]}"#)]);
    }
}

fn at(offset: i64) -> LogOrder {
    LogOrder { appended_at: Time::from_millis(offset), partition: Partition(0), offset: Offset(offset) }
}

fn given(event: EventType, sequence: i32, offset: i64, fields: &[(&str, &str)]) -> Given {
    let fields = fields.iter().map(|(name, raw)| ((*name).to_owned(), (*raw).to_owned())).collect();
    Given { event, sequence, at: at(offset), occurred_at: Time::from_millis(1000 + offset), fields }
}

#[test]
fn no_records_no_row() {
    assert!(OrderState::default().row().is_none());
    assert!(OrderState::default().latest().is_none());
    assert!(OrderState::default().first_sequence().is_none());
}

#[test]
fn the_earliest_of_two_equals_wins() {
    let first = given(EventType::OrderPaid, 2, 5, &[("payment_method", r#""card""#)]);
    let second = given(EventType::OrderPaid, 2, 6, &[("payment_method", r#""cash""#)]);
    for records in [[&first, &second], [&second, &first]] {
        let state = fold(records);
        assert_eq!(state.row().unwrap().payment_method.as_deref(), Some("card"));
    }
}

#[test]
fn the_earliest_of_two_groups_with_the_same_sequence_gives_the_status() {
    let paid = given(EventType::OrderPaid, 2, 5, &[]);
    let cancelled = given(EventType::OrderCancelled, 2, 6, &[]);
    let state = fold([&cancelled, &paid]);
    let row = state.row().unwrap();
    assert_eq!(row.status, crate::Status::Paid);
    assert!(row.cancelled_at.is_some(), "the other one is kept in its columns");
}

#[test]
fn a_group_is_replaced_as_a_whole() {
    let before = given(EventType::OrderPaid, 2, 5, &[("payment_method", r#""card""#), ("tip", "5")]);
    let after = given(EventType::OrderPaid, 3, 6, &[]);
    let state = fold([&before, &after]);
    let row = state.row().unwrap();
    assert_eq!((row.payment_method, row.details), (None, None));
}

#[test]
fn a_late_event_fills_its_columns_and_leaves_the_status() {
    let shipped = given(EventType::OrderShipped, 3, 5, &[("courier_id", r#""C""#)]);
    let created = given(EventType::OrderCreated, 1, 6, &[("customer_id", r#""K""#), ("note", r#""late""#)]);
    let state = fold([&shipped, &created]);
    let row = state.row().unwrap();
    assert_eq!((row.status, row.sequence), (crate::Status::Shipped, 3));
    assert_eq!(row.last_updated, shipped.occurred_at);
    assert_eq!(row.customer_id.as_deref(), Some("K"));
    assert_eq!(row.created_at, Some(created.occurred_at));
    assert_eq!(row.details.as_deref(), Some(r#"{"note":"late"}"#));
}

#[test]
fn the_higher_group_wins_a_field_that_two_groups_have() {
    let created = given(EventType::OrderCreated, 1, 5, &[("note", "1")]);
    let paid = given(EventType::OrderPaid, 2, 6, &[("note", "2")]);
    let (_, details) = columns(&fold([&paid, &created])).unwrap();
    assert_eq!(details.unwrap()["note"], 2);
}
