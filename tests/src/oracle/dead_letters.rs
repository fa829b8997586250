//! `dead_letters`: every record that cannot be decoded once, with its cause, and those that operators have decided
//! about, with the decision; nothing else.

use std::collections::{BTreeMap, BTreeSet};

use tokio_postgres::{Row, Transaction};

use super::cell::{Cell, Column, Kind, names};
use super::decisions::{Decision, Decisions};
use super::record::{Bad, place};
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

/// More bytes of a key or a value are not kept.
const KEPT_BYTES: usize = 64 * 1024;

/// How many dead letters stand for a record that is not in the history. `admitted`: the decisions of history rows.
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
        // An event that was a dead letter until a retry admitted it stands in the history.
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
            record.place(),
            "row",
            "a record that cannot be decoded, or was discarded",
            "no dead letter",
        );
    }
    for at in admitted.keys().chain(retried.keys()).collect::<BTreeSet<_>>() {
        let (history, dead_letter) = (admitted.get(at), retried.get(at).copied().flatten());
        if history != dead_letter.as_ref() {
            let found = format!("{history:?} in the history");
            differences.add(TABLE, place(at.0, at.1), "decision", format!("{dead_letter:?}"), found);
        }
    }
    Ok(count)
}

/// The state has to be what the last decision says. A record that is refused again in a later build is an open
/// dead letter there, whatever was retried before.
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
            place(at.0, at.1),
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
                    place(at.0, at.1),
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
            place(partition, offset),
            "row",
            "no record below the position",
            "a dead letter",
        );
        return Ok(());
    };
    let (place, appended_at) = (record.place(), record.appended_at);
    match &record.content {
        Ok(_) if state == "retried" => {}
        Ok(_) => differences.add(TABLE, place, "row", "an event", format!("a dead letter, {state}")),
        Err(bad) => {
            let cause: &str = row.try_get(3)?;
            // What a discarded one was does not depend on what it would be today.
            if decision.is_none_or(|decision| decision.is_retry) && !bad.faults.contains(&cause) {
                differences.add(TABLE, &place, "cause", bad.faults.join(" or "), cause);
            }
            for (index, expected) in expected(bad, appended_at) {
                let (name, kind) = COLUMNS[index];
                let found = Cell::of_row(row, index, kind)?;
                if found != expected {
                    differences.add(TABLE, &place, name, expected, found);
                }
            }
        }
    }
    record.found = true;
    Ok(())
}

/// By index of the column.
fn expected(bad: &Bad, appended_at: i64) -> Vec<(usize, Cell<'_>)> {
    let kept = |bytes: &'_ Option<Vec<u8>>| match bytes {
        Some(bytes) => Cell::Bytes(bytes[..bytes.len().min(KEPT_BYTES)].to_vec().into()),
        None => Cell::Null,
    };
    // PostgreSQL's text holds no NUL.
    let readable = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace('\0', "\u{fffd}");
    let headers: Vec<_> = bad
        .raw
        .headers
        .iter()
        .map(|(name, value)| (readable(name.as_bytes()), value.as_deref().map(readable)))
        .collect();
    let mut cells = vec![
        (5, kept(&bad.raw.key)),
        (6, kept(&bad.raw.value)),
        (7, Cell::Whole(bad.raw.value.as_ref().map_or(0, Vec::len) as i64)),
        (8, Cell::json(serde_json::json!(headers))),
        (9, Cell::Time(appended_at)),
    ];
    if let Some(order_id) = &bad.order_id {
        cells.push((4, order_id.as_deref().map_or(Cell::Null, Cell::text)));
    }
    cells
}
