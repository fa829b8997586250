//! The state of an order, from all its records.
//!
//! Each event type has a group of columns. The record with the highest sequence wins the group; among equal
//! sequences, the first in log order wins. The same rule over all groups decides about the status.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::cell::{Cell, Column, Kind};
use super::event::{Event, TYPES};
use super::record::Record;

/// The columns of the table `orders`, without its key.
pub const COLUMNS: [Column; 16] = [
    ("status", Kind::Status),
    ("last_updated", Kind::Time),
    ("sequence", Kind::Int),
    ("customer_id", Kind::Text),
    ("restaurant_id", Kind::Text),
    ("total_cents", Kind::BigInt),
    ("currency", Kind::Text),
    ("created_at", Kind::Time),
    ("paid_at", Kind::Time),
    ("shipped_at", Kind::Time),
    ("delivered_at", Kind::Time),
    ("cancelled_at", Kind::Time),
    ("payment_method", Kind::Text),
    ("courier_id", Kind::Text),
    ("cancel_reason", Kind::Text),
    ("details", Kind::Members),
];

/// A row, by column. A missing column is null.
pub type Cells = BTreeMap<&'static str, Cell<'static>>;

/// The row that these records make; `None` if none of them is an event.
pub fn row<'a>(records: impl IntoIterator<Item = &'a Record>) -> Option<Cells> {
    let winners = winners(records);
    let (_, latest) = winners.last()?;
    let mut cells = Cells::from([
        ("status", Cell::text(latest.kind.status)),
        ("last_updated", Cell::Time(latest.occurred_at)),
        ("sequence", Cell::Integer(latest.sequence)),
    ]);
    let mut details = Map::new();
    // The overall winner comes last, so that its details replace those of the others.
    for (_, event) in &winners {
        cells.insert(event.kind.time_column, Cell::Time(event.occurred_at));
        for (name, value) in fields(event) {
            match event.kind.columns.iter().find(|(field, _)| *field == name) {
                Some((_, column)) => drop(cells.insert(column, column_cell(value))),
                None => drop(details.insert(name, value)),
            }
        }
    }
    if !details.is_empty() {
        cells.insert("details", Cell::json(Value::Object(details)));
    }
    Some(cells)
}

/// Only the status of that row.
pub fn status<'a>(records: impl IntoIterator<Item = &'a Record>) -> Option<&'static str> {
    winners(records).last().map(|(_, event)| event.kind.status)
}

type Rank = (i64, Reverse<(i64, i32, i64)>);

/// The winning record of each event type, with the overall winner last.
fn winners<'a>(records: impl IntoIterator<Item = &'a Record>) -> Vec<(Rank, &'a Event)> {
    let mut ranked: Vec<(Rank, &Event)> = records
        .into_iter()
        .filter_map(|record| {
            let event = record.content.as_ref().ok()?;
            Some(((event.sequence, Reverse(record.log_order())), event))
        })
        .collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    let last_of = |name| ranked.iter().rfind(|(_, event)| event.kind.name == name).copied();
    let mut winners: Vec<_> = TYPES.iter().filter_map(|kind| last_of(kind.name)).collect();
    winners.sort_by_key(|(rank, _)| *rank);
    winners
}

fn fields(event: &Event) -> Map<String, Value> {
    event.details.as_deref().and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
}

fn column_cell(value: Value) -> Cell<'static> {
    match value {
        Value::String(text) => Cell::text(text),
        Value::Number(number) => number.as_i64().map_or(Cell::Null, Cell::Integer),
        _ => Cell::Null,
    }
}
