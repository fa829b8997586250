//! Rows of the history in bulk, for a comparison with the log.

use bytes::Bytes;
use orders::{Partition, Position};

use super::copy_out::CopyRows;
use crate::Build;
use crate::error::Result;
use crate::history::{HISTORY_COLUMNS, HistoryRow};
use crate::row_values::RowValues;
use crate::session::Session;
use crate::sql::for_build;

/// Rows of a build's history, not sorted.
pub struct HistoryScan(CopyRows);

impl HistoryScan {
    /// The first half of the table's pages, or the second.
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
                "/* views::rebuild::history_scan::open */ SELECT {HISTORY_COLUMNS} FROM {{build}}.order_history
                 WHERE {condition}"
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

impl<'a> HistoryRow<'a> {
    /// Reads a row of a [`HistoryScan`].
    pub fn of(row: &'a Bytes) -> Result<Self> {
        Self::read(&mut RowValues::of_copy(row))
    }
}
