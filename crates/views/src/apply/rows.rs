//! The rows of a batch, its history and its orders, written in a transaction that the caller begins and
//! ends.

use bytes::Bytes;
use futures_util::future::join;
use orders::OrderState;
use tokio_postgres::{Client, CopyInSink, Row, Statement};

use super::batch::Batch;
use super::copy::{COLUMNS, send};
use super::merged_orders::{MergedOrders, OrderMerge, OrderNumbers};
use super::orders::{Orders, Way};
use super::statement::prepare;
use super::winning_records::{RecordKey, portions};
use crate::Build;
use crate::error::{Error, Result};
use crate::history::FactRow;
use crate::row_values::RowValues;
use crate::totals::Totals;

/// The orders whose records are looked up together.
const ORDERS_AT_ONCE: usize = 1000;

/// The open COPY of the history, or why it could not be opened.
type Opened = Result<CopyInSink<Bytes>, tokio_postgres::Error>;

#[derive(Debug)]
pub(crate) struct Rows {
    copy: Statement,
    orders: Orders,
}

impl Rows {
    pub(crate) async fn prepare(client: &Client, build: Build) -> Result<Self> {
        let copy = format!(
            "/* views::apply::rows::prepare */ COPY {{build}}.order_history ({COLUMNS}, decision) FROM STDIN (FORMAT binary)"
        );
        Ok(Self { copy: prepare(client, build, &copy).await?, orders: Orders::prepare(client, build).await? })
    }

    /// Opens the COPY. It is separate from writing so that the request can be sent along with earlier ones.
    pub(crate) async fn open(&self, client: &Client) -> Opened {
        client.copy_in(&self.copy).await
    }

    /// Returns how the totals change.
    pub(crate) async fn write(
        &self,
        client: &Client,
        copy: Opened,
        batch: &Batch<'_>,
        way: Way,
    ) -> Result<Totals> {
        let copy = copy.map_err(Error::during("opening the COPY of the history"))?;
        let copying =
            async { send(copy, batch.history.clone()).await.map_err(Error::during("copying the history")) };
        let way = way.of(&batch.orders);
        let writing = self.orders.write(client, &batch.orders, way);
        // A transaction that has failed refuses to open another COPY, after which the driver takes each answer of the
        // server for that of the request before (rust-postgres issue 789). As PostgreSQL may refuse a record here, nothing
        // opens one meanwhile.
        let (copied, mut changes) = if way == Way::Copy {
            (copying.await?, writing.await?)
        } else {
            let (copied, changes) = join(copying, writing).await;
            (copied?, changes?)
        };
        if copied as usize != batch.history_rows {
            let attempt = "copying the history";
            return Err(Error::RowCount { attempt, expected: batch.history_rows, found: copied });
        }
        changes.records += batch.history_rows as i64;
        Ok(changes)
    }

    /// Merges records that the history has into their orders' rows, whether or not those hold them already.
    /// `orders` says which records to read of each order: the winners of its state. Returns how the totals change.
    pub(crate) async fn merge(&self, client: &Client, orders: &[(&str, &OrderState<'_>)]) -> Result<Totals> {
        let records = self.orders.records();
        let mut sized = Vec::with_capacity(orders.len());
        for orders in orders.chunks(ORDERS_AT_ONCE) {
            let all: Vec<_> = orders.iter().flat_map(|(order_id, state)| keys(order_id, state)).collect();
            let mut ranked = records.ranked(client, &all).await?.into_iter();
            for (order_id, state) in orders {
                let keys: Vec<_> = keys(order_id, state).collect();
                let bytes: usize = ranked.by_ref().take(keys.len()).map(|record| record.bytes).sum();
                sized.push((keys, bytes));
            }
        }
        let mut changes = Totals::default();
        for portion in portions(&sized, |(_, bytes)| *bytes) {
            let keys: Vec<_> = portion.iter().flat_map(|(keys, _)| keys.iter().copied()).collect();
            let rows = records.complete(client, &keys).await?;
            changes += self.orders.write(client, &merged(&rows)?, Way::Upsert).await?;
        }
        Ok(changes)
    }
}

fn keys<'o>(order_id: &'o str, state: &OrderState<'_>) -> impl Iterator<Item = RecordKey<'o>> {
    state.winners().map(move |fact| RecordKey::new(order_id, fact.at))
}

/// Merges rows of the history by order.
fn merged(history: &[Row]) -> Result<MergedOrders<'_>> {
    let (mut numbers, mut merge) = (OrderNumbers::default(), OrderMerge::default());
    for row in history {
        let row = FactRow::read(&mut RowValues::of_query(row))?;
        merge.add(numbers.of(row.order_id.into()), row.fact()?);
    }
    Ok(merge.finish(numbers.sorted()))
}
