//! `letters`: every record that cannot be decoded once, with its cause, and nothing else.

use tokio_postgres::{Row, Transaction};

use super::cell::{Cell, Column, Kind, names};
use super::record::{Bad, place};
use super::{Differences, Error, Log};

const TABLE: &str = "letters";

const COLUMNS: [Column; 10] = [
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
];

/// More bytes of a key or a value are not kept.
const KEPT_BYTES: usize = 64 * 1024;

/// How many letters stand for a record that is not in the history.
pub async fn compare(
    tx: &Transaction<'_>,
    build: &str,
    log: &mut Log,
    differences: &mut Differences,
) -> Result<usize, Error> {
    let select = format!("/* oracle::letters */ SELECT {} FROM {build}.letters", names(&COLUMNS));
    let rows = tx.query(&select, &[]).await?;
    let mut count = 0;
    for row in &rows {
        // An event that was a letter until a retry admitted it stands in the history.
        if row.try_get::<_, &str>(2)? != "retried" {
            count += 1;
        }
        compare_row(row, log, differences)?;
    }
    for record in log.records().filter(|record| record.content.is_err() && !record.found) {
        differences.add(TABLE, record.place(), "row", "a record that cannot be decoded", "no letter");
    }
    Ok(count)
}

fn compare_row(row: &Row, log: &mut Log, differences: &mut Differences) -> Result<(), Error> {
    let (partition, offset) = (row.try_get(0)?, row.try_get(1)?);
    let state: &str = row.try_get(2)?;
    let Some(record) = log.find(partition, offset) else {
        differences.add(TABLE, place(partition, offset), "row", "no record below the position", "a letter");
        return Ok(());
    };
    let (place, appended_at) = (record.place(), record.appended_at);
    match &record.content {
        Ok(_) if state == "retried" => {}
        Ok(_) => differences.add(TABLE, place, "row", "an event", format!("a letter, {state}")),
        Err(bad) => {
            let cause: &str = row.try_get(3)?;
            if !bad.faults.contains(&cause) {
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
