//! The table `dead_letters` has to contain every record that cannot be decoded, with its cause, and every
//! record that an operator has decided about, with the decision; each once, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use event_log::HeaderBytes;
use tokio_postgres::{Row, Transaction};

use super::cell::{Cell, Column, Kind, names};
use super::decisions::{Decision, Decisions};
use super::raw::Undecodable;
use super::record::label;
use super::{Differences, Error, Log};

const TABLE: &str = "dead_letters";

const COLUMNS: [Column; 11] = [
    ("partition", Kind::Int),
    ("offset", Kind::BigInt),
    ("state", Kind::Text),
    ("cause", Kind::Text),
    ("order_id", Kind::Text),
    ("key", Kind::Bytes),
    ("payload", Kind::Bytes),
    ("payload_bytes", Kind::Int),
    ("headers", Kind::Json),
    ("appended_at", Kind::Time),
    ("decision", Kind::BigInt),
];

/// A dead letter keeps at most this many bytes of a key or a value.
const KEPT_BYTES: usize = 64 * 1024;

/// Compares the table, and returns how many dead letters stand for a record that is not in the history.
/// `admitted` has the decisions of history rows.
pub async fn compare(
    tx: &Transaction<'_>,
    build: &str,
    log: &mut Log,
    decided: &Decisions,
    admitted: &BTreeMap<(i32, i64), i64>,
    differences: &mut Differences,
) -> Result<usize, Error> {
    let select = format!("/* oracle::dead_letters */ SELECT {} FROM {build}.dead_letters", names(&COLUMNS));
    let rows = tx.query(&select, &[]).await?;
    let mut count = 0;
    let mut retried = BTreeMap::new();
    for row in &rows {
        let at = (row.try_get(0)?, row.try_get(1)?);
        let decision = decided.get(&at);
        compare_decision(row, at, decision, differences)?;
        // A record that a retry admitted has a row in the history as well.
        if row.try_get::<_, &str>(2)? == "retried" {
            retried.insert(at, row.try_get::<_, Option<i64>>(10)?);
        } else {
            count += 1;
        }
        compare_row(row, log, decision, differences)?;
    }
    for record in log.records().filter(|record| record.content.is_err() && !record.found) {
        differences.add(
            TABLE,
            record.label(),
            "row",
            "a record that cannot be decoded or was discarded",
            "no dead letter",
        );
    }
    for at in admitted.keys().chain(retried.keys()).collect::<BTreeSet<_>>() {
        let (history, dead_letter) = (admitted.get(at), retried.get(at).copied().flatten());
        if history != dead_letter.as_ref() {
            let found = format!("{history:?} in the history");
            differences.add(TABLE, label(at.0, at.1), "decision", format!("{dead_letter:?}"), found);
        }
    }
    Ok(count)
}

/// The state has to be that of the last decision. A record that a later build refuses again is an open dead
/// letter there, even if it was retried before.
fn compare_decision(
    row: &Row,
    at: (i32, i64),
    decision: Option<&Decision>,
    differences: &mut Differences,
) -> Result<(), Error> {
    let (state, found): (&str, Option<i64>) = (row.try_get(2)?, row.try_get(10)?);
    let expected = match decision {
        None => ("open", None),
        Some(decision) if decision.is_retry && state == "open" => ("open", None),
        Some(decision) if decision.is_retry => ("retried", Some(decision.id)),
        Some(decision) => ("discarded", Some(decision.id)),
    };
    if expected != (state, found) {
        differences.add(
            TABLE,
            label(at.0, at.1),
            "state",
            format!("{expected:?}"),
            format!("{:?}", (state, found)),
        );
    }
    if let Some(decision) = decision
        && state != "open"
    {
        for (index, expected) in [(3, &decision.cause), (4, &decision.order_id)] {
            let found: Option<String> = row.try_get(index)?;
            if found != *expected {
                differences.add(
                    TABLE,
                    label(at.0, at.1),
                    COLUMNS[index].0,
                    format!("{expected:?}"),
                    format!("{found:?}"),
                );
            }
        }
    }
    Ok(())
}

fn compare_row(
    row: &Row,
    log: &mut Log,
    decision: Option<&Decision>,
    differences: &mut Differences,
) -> Result<(), Error> {
    let (partition, offset) = (row.try_get(0)?, row.try_get(1)?);
    let state: &str = row.try_get(2)?;
    let Some(record) = log.find(partition, offset) else {
        differences.add(
            TABLE,
            label(partition, offset),
            "row",
            "no record below the position",
            "a dead letter",
        );
        return Ok(());
    };
    let (label, appended_at) = (record.label(), record.appended_at);
    match &record.content {
        Ok(_) if state == "retried" => {}
        Ok(_) => differences.add(TABLE, label, "row", "an event", format!("a dead letter, {state}")),
        Err(undecodable) => {
            let cause: &str = row.try_get(3)?;
            // A discarded dead letter keeps the cause that it had, even where the code would find another one
            // today.
            if decision.is_none_or(|decision| decision.is_retry) && !undecodable.faults.contains(&cause) {
                differences.add(TABLE, &label, "cause", undecodable.faults.join(" or "), cause);
            }
            for (index, expected) in expected(undecodable, appended_at) {
                let (name, kind) = COLUMNS[index];
                let found = Cell::of_row(row, index, kind)?;
                if found != expected {
                    differences.add(TABLE, &label, name, expected, found);
                }
            }
        }
    }
    record.found = true;
    Ok(())
}

/// The headers as the table has them: whole ones, as long as they fit, and then a mark.
fn headers(headers: Option<&[HeaderBytes]>) -> Vec<(String, Option<String>)> {
    let mark = |text: String| ("\\cut".to_owned(), Some(text));
    let Some(headers) = headers else { return vec![mark("the headers cannot be read".into())] };
    let mut bytes = 0;
    let fitting = headers.iter().take_while(|(name, value)| {
        bytes += name.len() + value.as_ref().map_or(0, Vec::len);
        bytes <= KEPT_BYTES
    });
    let mut kept: Vec<_> =
        fitting.map(|(name, value)| (readable(name), value.as_deref().map(readable))).collect();
    if kept.len() < headers.len() {
        kept.push(mark(format!("{} of {} headers are kept", kept.len(), headers.len())));
    }
    kept
}

/// Backslashes are doubled; NUL, and what is not UTF-8, becomes `\xNN`.
fn readable(bytes: &[u8]) -> String {
    let escaped = |byte: &u8| format!("\\x{byte:02x}");
    let chunks = bytes.utf8_chunks().flat_map(|chunk| {
        let valid = chunk.valid().replace('\\', "\\\\").replace('\0', "\\x00");
        [valid, chunk.invalid().iter().map(escaped).collect()]
    });
    chunks.collect()
}

/// The expected values, by index of the column.
fn expected(record: &Undecodable, appended_at: i64) -> Vec<(usize, Cell<'_>)> {
    let kept = |bytes: &'_ Option<Vec<u8>>| match bytes {
        Some(bytes) => Cell::Bytes(bytes[..bytes.len().min(KEPT_BYTES)].to_vec().into()),
        None => Cell::Null,
    };
    let headers = headers(record.raw.headers.as_deref());
    let mut cells = vec![
        (5, kept(&record.raw.key)),
        (6, kept(&record.raw.value)),
        (7, Cell::Integer(record.raw.value.as_ref().map_or(0, Vec::len) as i64)),
        (8, Cell::json(serde_json::json!(headers))),
        (9, Cell::Time(appended_at)),
    ];
    if let Some(order_id) = &record.order_id {
        cells.push((4, order_id.as_deref().map_or(Cell::Null, Cell::text)));
    }
    cells
}
