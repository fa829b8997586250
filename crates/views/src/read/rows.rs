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

/// The rows of one statement, in their order.
#[derive(Debug, Default)]
pub(super) struct Rows {
    rows: Vec<Row>,
    pub bytes: usize,
    /// Whether the statement has more rows than these.
    pub are_cut_short: bool,
}

impl Rows {
    /// A page of at most `limit` rows. The statement was asked for one row more, which tells whether there are more and is not
    /// looked at.
    pub(super) fn page<T, E>(
        &self,
        limit: i64,
        read: impl FnMut(&Row) -> Result<T, E>,
    ) -> Result<Page<T>, E> {
        let limit = usize::try_from(limit).unwrap_or_default();
        let rows = self.iter().take(limit).map(read).collect::<Result<_, _>>()?;
        Ok(Page { rows, has_more: self.len() > limit || self.are_cut_short })
    }

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
