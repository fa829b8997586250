//! The table `order_history` has to contain every event of the log once, and nothing else.

use std::collections::BTreeMap;
use std::pin::pin;

use futures_util::TryStreamExt;
use tokio_postgres::{Row, Transaction};

use super::cell::{Cell, Column, Kind, names};
use super::event::Event;
use super::record::{Record, label};
use super::{Differences, Error, Log};

const TABLE: &str = "order_history";

const COLUMNS: [Column; 13] = [
    ("partition", Kind::Int),
    ("offset", Kind::BigInt),
    ("order_id", Kind::Text),
    ("event", Kind::Event),
    ("sequence", Kind::Int),
    ("event_id", Kind::Uuid),
    ("other_event_id", Kind::Text),
    ("occurred_at", Kind::Time),
    ("appended_at", Kind::Time),
    ("details", Kind::JsonText),
    ("trace_id", Kind::Uuid),
    ("other_trace_id", Kind::Text),
    ("decision", Kind::BigInt),
];

/// What the table contains.
#[derive(Default)]
pub struct Found {
    pub rows: usize,
    /// The decision of each row that a retry admitted, by partition and offset.
    pub admitted: BTreeMap<(i32, i64), i64>,
}

pub async fn compare(
    tx: &Transaction<'_>,
    build: &str,
    log: &mut Log,
    differences: &mut Differences,
) -> Result<Found, Error> {
    let select = format!("/* oracle::history */ SELECT {} FROM {build}.order_history", names(&COLUMNS));
    let mut rows = pin!(tx.query_raw(&select, std::iter::empty::<i32>()).await?);
    let mut all = Found::default();
    while let Some(row) = rows.try_next().await? {
        all.rows += 1;
        if let Some(decision) = row.try_get(12)? {
            all.admitted.insert((row.try_get(0)?, row.try_get(1)?), decision);
        }
        compare_row(&row, log, differences)?;
    }
    for record in log.records().filter(|record| record.content.is_ok() && !record.found) {
        differences.add(TABLE, record.label(), "row", "an event", "no row");
    }
    Ok(all)
}

fn compare_row(row: &Row, log: &mut Log, differences: &mut Differences) -> Result<(), Error> {
    let (partition, offset) = (row.try_get(0)?, row.try_get(1)?);
    let Some(record) = log.find(partition, offset) else {
        differences.add(TABLE, label(partition, offset), "row", "no record below the position", "a row");
        return Ok(());
    };
    let Ok(event) = &record.content else {
        differences.add(TABLE, record.label(), "row", "a record that cannot be decoded", "a row");
        return Ok(());
    };
    if record.found {
        differences.add(TABLE, record.label(), "row", "one record", "two rows");
    }
    for (index, ((name, kind), expected)) in COLUMNS.into_iter().zip(expected(record, event)).enumerate() {
        let found = Cell::of_row(row, index, kind)?;
        // Decisions are not in the log. `dead_letters` compares them.
        if name != "decision" && found != expected {
            differences.add(TABLE, record.label(), name, expected, found);
        }
    }
    record.found = true;
    Ok(())
}

/// The expected row, in the order of [`COLUMNS`].
fn expected<'a>(record: &Record, event: &'a Event) -> [Cell<'a>; 13] {
    let id = &*event.event_id;
    let (event_id, other_event_id) = if is_uuid(id) { (Some(id), None) } else { (None, Some(id)) };
    let is_upper = |id: &str| id.bytes().any(|byte| byte.is_ascii_uppercase());
    let (other_trace_id, trace_id) = match event.trace_id.as_deref() {
        Some(id) if is_upper(id) => (Some(id), None),
        id => (None, id),
    };
    [
        Cell::Integer(record.partition.into()),
        Cell::Integer(record.offset),
        Cell::text(&*event.order_id),
        Cell::text(event.kind.name),
        Cell::Integer(event.sequence),
        event_id.map_or(Cell::Null, Cell::text),
        other_event_id.map_or(Cell::Null, Cell::text),
        Cell::Time(event.occurred_at),
        Cell::Time(record.appended_at),
        event.details.as_deref().map_or(Cell::Null, |json| Cell::Json(json.into())),
        trace_id.map_or(Cell::Null, |id| Cell::text(with_hyphens(id))),
        other_trace_id.map_or(Cell::Null, Cell::text),
        Cell::Null,
    ]
}

/// Whether an id is written as PostgreSQL prints a `uuid`.
fn is_uuid(id: &str) -> bool {
    let parts: Vec<&str> = id.split('-').collect();
    let is_hexadecimal = |part: &&str| part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12]) && parts.iter().all(is_hexadecimal)
}

/// 32 digits as PostgreSQL prints a `uuid`.
fn with_hyphens(digits: &str) -> String {
    [0..8, 8..12, 12..16, 16..20, 20..32].map(|range| &digits[range]).join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_postgresql_would_print_is_a_uuid() {
        let id = "0190a6ee-3f6b-7c55-8b3f-5f2f1d6f0a11";
        assert!(is_uuid(id));
        let digits = id.replace('-', "");
        assert_eq!(with_hyphens(&digits), id);
        for other in [&digits, &id.to_uppercase(), &id[1..], &format!("{id}-"), &id.replace('a', "g"), ""] {
            assert!(!is_uuid(other), "{other}");
        }
    }
}
