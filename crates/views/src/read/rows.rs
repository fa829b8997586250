//! The rows of an answer, bounded by bytes.

use std::future::Future;
use std::ops::Deref;

use futures_util::TryStreamExt;
use tokio::sync::Notify;
use tokio_postgres::{Row, RowStream};

/// An answer ends at the row that brings it to this many bytes. Records and orders may have megabytes each, and a page a
/// thousand of them. Pages of complete cuts depend on it: a change of it needs another projection version.
const MAX_BYTES: usize = 2 << 20;

/// Some rows of a list, and whether it goes on behind them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page<T> {
    pub rows: Vec<T>,
    pub has_more: bool,
}

impl<T> Page<T> {
    /// `rows` may have one row more than `limit`, which tells that there are more.
    pub(super) fn new(mut rows: Vec<T>, limit: i64, are_cut_short: bool) -> Self {
        let limit = usize::try_from(limit).unwrap_or_default();
        let has_more = rows.len() > limit || are_cut_short;
        rows.truncate(limit);
        Self { rows, has_more }
    }
}

/// The rows of one statement, in their order.
#[derive(Debug, Default)]
pub(super) struct Rows {
    rows: Vec<Row>,
    pub bytes: usize,
    /// Whether the statement has more rows than these.
    pub are_cut_short: bool,
}

impl Rows {
    /// Takes rows until they are large enough, and `min` of them at least. If it leaves some, it tells `cut_short`.
    pub(super) async fn read(
        stream: impl Future<Output = Result<RowStream, tokio_postgres::Error>>,
        min: usize,
        cut_short: &Notify,
    ) -> Result<Self, tokio_postgres::Error> {
        let mut stream = std::pin::pin!(stream.await?);
        let mut read = Self::default();
        while let Some(row) = stream.try_next().await? {
            if read.bytes >= MAX_BYTES && read.rows.len() >= min {
                read.are_cut_short = true;
                cut_short.notify_one();
                break;
            }
            read.bytes += row.raw_size_bytes();
            read.rows.push(row);
        }
        Ok(read)
    }
}

impl Deref for Rows {
    type Target = [Row];

    fn deref(&self) -> &[Row] {
        &self.rows
    }
}
