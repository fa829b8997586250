//! Whole rows of the history, as a comparison with the log needs them.

use bytes::Bytes;
use orders::{Offset, Partition, Position, Time};

use super::copy_out::{Columns, CopyRows};
use crate::Build;
use crate::error::Result;
use crate::session::Session;
use crate::sql::for_build;

/// All that the log says of one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryRow<'a> {
    pub partition: Partition,
    pub offset: Offset,
    pub order_id: &'a str,
    pub event: &'a str,
    pub status: &'a str,
    pub sequence: i32,
    pub event_id: &'a str,
    pub occurred_at: Time,
    pub appended_at: Time,
    /// A JSON object.
    pub details: Option<&'a str>,
    pub trace_id: Option<&'a str>,
    /// Not of the log: the retry that admitted it.
    pub decision: Option<i64>,
}

impl<'a> HistoryRow<'a> {
    /// Reads a row of a [`HistoryScan`].
    pub fn of(row: &'a Bytes) -> Result<Self> {
        let mut columns = Columns::of(row);
        Ok(Self {
            partition: Partition(columns.i32()?),
            offset: Offset(columns.i64()?),
            order_id: columns.text()?,
            event: columns.text()?,
            status: columns.text()?,
            sequence: columns.i32()?,
            event_id: columns.text()?,
            occurred_at: columns.time()?,
            appended_at: columns.time()?,
            details: columns.text_or_null()?,
            trace_id: columns.text_or_null()?,
            decision: columns.i64_or_null()?,
        })
    }
}

/// Rows of a build's history, in no order.
pub struct HistoryScan(CopyRows);

impl HistoryScan {
    /// Half of the table's pages: the first, or the second.
    pub async fn half(session: &Session, build: Build, second: bool) -> Result<Self> {
        let operator = if second { ">=" } else { "<" };
        let pages = for_build(
            "pg_relation_size('{build}.order_history') / current_setting('block_size')::int",
            build,
        );
        Self::open(session, build, &format!("ctid {operator} format('(%s,0)', ({pages}) / 2)::tid")).await
    }

    /// The records of `partition` from `from` to `to`, not included.
    pub async fn stretch(
        session: &Session,
        build: Build,
        partition: Partition,
        from: Position,
        to: Position,
    ) -> Result<Self> {
        let condition = format!("partition = {partition} AND \"offset\" >= {from} AND \"offset\" < {to}");
        Self::open(session, build, &condition).await
    }

    async fn open(session: &Session, build: Build, condition: &str) -> Result<Self> {
        let query = for_build(
            &format!(
                "/* views::rebuild::history_scan */ SELECT partition, \"offset\", order_id, event, status, sequence,
                     event_id, occurred_at, appended_at, details::text, trace_id, decision
                 FROM {{build}}.order_history WHERE {condition}"
            ),
            build,
        );
        CopyRows::open(session, "reading the history", &query).await.map(Self)
    }

    /// The next row, for [`HistoryRow::of`].
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        self.0.next().await
    }
}
