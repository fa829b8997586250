//! Rows of the history in bulk, for a comparison with the log.

use bytes::Bytes;
use orders::{Partition, Position};

use super::copy_out::CopyRows;
use super::order_set::OrderSet;
use crate::Build;
use crate::error::Result;
use crate::history::{HISTORY_COLUMNS, HistoryRow};
use crate::row_values::RowValues;
use crate::session::Session;
use crate::sql::for_build;

/// Which rows of a build stand for records that the log has to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogRows {
    All,
    /// Those that were not taken over from the build before.
    NotKept,
}

impl LogRows {
    /// As a condition.
    pub(super) fn condition(self) -> &'static str {
        match self {
            Self::All => "true",
            Self::NotKept => "kept_by IS NULL",
        }
    }
}

/// Rows of a build's history, not sorted.
pub struct HistoryScan(CopyRows);

impl HistoryScan {
    /// The records of `partition` from `from` to `to`, not included.
    pub async fn stretch(
        session: &Session,
        build: Build,
        rows: LogRows,
        partition: Partition,
        from: Position,
        to: Position,
    ) -> Result<Self> {
        let condition = format!("partition = {partition} AND \"offset\" >= {from} AND \"offset\" < {to}");
        Self::open(session, build, rows, &condition).await
    }

    /// The records of some orders among those of `partition` from `from` to `to`, not included. There is no index by
    /// offset, so this finds a short stretch of a large history fast.
    pub async fn of_orders(
        session: &Session,
        build: Build,
        orders: &OrderSet,
        partition: Partition,
        from: Position,
        to: Position,
    ) -> Result<Self> {
        let orders = orders.condition();
        let condition =
            format!("{orders} AND partition = {partition} AND \"offset\" >= {from} AND \"offset\" < {to}");
        Self::open(session, build, LogRows::All, &condition).await
    }

    async fn open(session: &Session, build: Build, rows: LogRows, condition: &str) -> Result<Self> {
        let query = for_build(
            &format!(
                "/* views::rebuild::history_scan::open */ SELECT {HISTORY_COLUMNS} FROM {{build}}.order_history
                 WHERE {} AND {condition}",
                rows.condition()
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
