//! Reads single records of the history by primary key: first what decides which of them win, then, of those
//! that are needed, everything.

use orders::{EventType, Fact, LogOrder, Offset, Partition};
use tokio_postgres::{Client, Row, Statement};

use super::statement::prepare;
use crate::Build;
use crate::error::{Error, Result};
use crate::history::FACT_COLUMNS;
use crate::sql::Timestamptz;

/// How much JSON is read at once, in bytes, unless a single order has more.
const PORTION_BYTES: usize = 1 << 20;

/// A row of the history, by its primary key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RecordKey<'a> {
    pub(super) order_id: &'a str,
    pub(super) partition: Partition,
    pub(super) offset: Offset,
}

impl<'a> RecordKey<'a> {
    pub(super) fn new(order_id: &'a str, at: LogOrder) -> Self {
        Self { order_id, partition: at.partition, offset: at.offset }
    }
}

/// What decides whether a record wins.
#[derive(Clone, Debug)]
pub(super) struct RankedRecord {
    /// Without fields.
    pub(super) fact: Fact<'static>,
    /// The size of its fields as JSON.
    pub(super) bytes: usize,
}

#[derive(Debug)]
pub(super) struct WinningRecords {
    ranked: Statement,
    complete: Statement,
}

impl WinningRecords {
    pub(super) async fn prepare(client: &Client, build: Build) -> Result<Self> {
        // OFFSET 0 keeps the planner from joining the tables in another way than by one look-up per record,
        // which would read all of the history.
        let from = "FROM unnest($1::text[], $2::int[], $3::bigint[])
                WITH ORDINALITY AS wanted (order_id, partition, \"offset\", number)
            LEFT JOIN LATERAL (
                SELECT * FROM {build}.order_history AS h
                WHERE h.order_id = wanted.order_id AND h.partition = wanted.partition AND h.\"offset\" = wanted.\"offset\"
                OFFSET 0
            ) AS found ON true
            ORDER BY number";
        let ranked = format!(
            "/* views::apply::winning_records::prepare */ SELECT found.event, found.sequence, found.occurred_at,
                 found.appended_at, octet_length(found.details) {from}"
        );
        let columns = FACT_COLUMNS.split(", ").map(|name| format!("found.{name}")).collect::<Vec<_>>();
        let complete =
            format!("/* views::apply::winning_records::prepare */ SELECT {} {from}", columns.join(", "));
        Ok(Self {
            ranked: prepare(client, build, &ranked).await?,
            complete: prepare(client, build, &complete).await?,
        })
    }

    /// In the order of `keys`. [`Error::DamagedHistory`] if there is no such row.
    pub(super) async fn ranked(&self, client: &Client, keys: &[RecordKey<'_>]) -> Result<Vec<RankedRecord>> {
        let rows = query(client, &self.ranked, keys).await?;
        rows.iter().zip(keys).map(|(row, key)| ranked(row, key)).collect()
    }

    /// Rows of [`FACT_COLUMNS`], in the order of `keys`.
    pub(super) async fn complete(&self, client: &Client, keys: &[RecordKey<'_>]) -> Result<Vec<Row>> {
        query(client, &self.complete, keys).await
    }
}

async fn query(client: &Client, statement: &Statement, keys: &[RecordKey<'_>]) -> Result<Vec<Row>> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let order_ids: Vec<&str> = keys.iter().map(|key| key.order_id).collect();
    let partitions: Vec<i32> = keys.iter().map(|key| key.partition.0).collect();
    let offsets: Vec<i64> = keys.iter().map(|key| key.offset.0).collect();
    client
        .query(statement, &[&order_ids, &partitions, &offsets])
        .await
        .map_err(Error::during("reading records of the history"))
}

fn ranked(row: &Row, key: &RecordKey<'_>) -> Result<RankedRecord> {
    let RecordKey { partition, offset, .. } = *key;
    let damaged = |cause: String| Error::DamagedHistory { partition, offset, cause };
    let code: Option<i8> = row.get(0);
    let code = code.ok_or_else(|| {
        damaged(format!("table orders names it for order {:?}, but it is not there", key.order_id))
    })? as u8;
    let event = EventType::of_code(code)
        .ok_or_else(|| damaged(format!("column event: {:?} stands for no event", char::from(code))))?;
    let Timestamptz(occurred_at) = row.get(2);
    let Timestamptz(appended_at) = row.get(3);
    let at = LogOrder { appended_at, partition, offset };
    let bytes: Option<i32> = row.get(4);
    Ok(RankedRecord {
        fact: Fact { event, sequence: row.get(1), at, occurred_at, fields: orders::Fields::default() },
        bytes: bytes.unwrap_or_default() as usize,
    })
}

/// Splits `items` so that each portion has about [`PORTION_BYTES`], but at least one item.
pub(super) fn portions<T>(items: &[T], bytes: impl Fn(&T) -> usize) -> Vec<&[T]> {
    let mut portions = Vec::new();
    let (mut start, mut size) = (0, 0);
    for (index, item) in items.iter().enumerate() {
        let bytes = bytes(item);
        if size + bytes > PORTION_BYTES && index > start {
            portions.push(&items[start..index]);
            (start, size) = (index, 0);
        }
        size += bytes;
    }
    if start < items.len() {
        portions.push(&items[start..]);
    }
    portions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn portions_are_bounded_and_leave_nothing_out() {
        let sizes = [PORTION_BYTES, 1, 2, PORTION_BYTES * 3, PORTION_BYTES - 1, 1, 1];
        let expected: [&[usize]; 5] = [&sizes[..1], &sizes[1..3], &sizes[3..4], &sizes[4..6], &sizes[6..]];
        assert_eq!(portions(&sizes, |size| *size), expected);
        assert!(portions::<usize>(&[], |size| *size).is_empty());
    }
}
