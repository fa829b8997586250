//! The orders of a batch, written in the cheapest way that fits.
//!
//! A COPY of new orders and an UPDATE of known ones cost half of what an INSERT … ON CONFLICT costs. But a COPY fails
//! as a whole if an order is known after all, and an UPDATE neither makes a row nor locks one that it does not take.
//! So the upsert writes what the UPDATE has left over, and all of a batch whose COPY has failed.

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::future::{join, try_join_all};
use orders::{EventType, OrderState};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Statement};

use super::copy::{put_header, send};
use super::merged_orders::MergedOrders;
use super::order_rows::{OrderPiece, OrderRows};
use super::refold::Refold;
use super::statement::prepare;
use super::winning_records::WinningRecords;
use super::written::Written;
use crate::error::{Error, Result};
use crate::parts::is_key_of_orders;
use crate::totals::Totals;
use crate::{Build, order_columns};

/// The orders in one parameter. PostgreSQL holds a parameter in memory three times: as it was received, as
/// rows, and as an array of rows.
const ORDERS_AT_ONCE: usize = 1000;

/// With fewer new orders, the round trip that a COPY needs costs more than it saves.
const COPIED_FROM: usize = 500;

const ATTEMPT: &str = "writing the orders";

/// How to write orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// In the expectation that the order of an OrderCreated is new.
    Copy,
    /// Without any expectation.
    Upsert,
}

impl Way {
    /// The way for these orders: a COPY of few costs more than it saves.
    pub(super) fn of(self, orders: &MergedOrders<'_>) -> Self {
        let is_worth_it = orders.iter().filter(|(_, state)| begins(state)).nth(COPIED_FROM - 1).is_some();
        if is_worth_it { self } else { Self::Upsert }
    }
}

/// An order's id and state.
type Row<'o, 'r> = (&'o str, &'o OrderState<'r>);

#[derive(Debug)]
pub(super) struct Orders {
    copy: Statement,
    update: Statement,
    unwritten: Statement,
    upsert: Statement,
    refold: Refold,
}

impl Orders {
    pub(super) async fn prepare(client: &Client, build: Build) -> Result<Self> {
        let columns = order_columns::ALL.as_str();
        let copy = format!(
            "/* views::apply::orders::prepare */ COPY {{build}}.orders ({columns}) FROM STDIN (FORMAT binary)"
        );
        // A row that this transaction has written carries its id. OFFSET 0: one look-up per order, whatever the
        // planner knows about the table.
        let unwritten = "/* views::apply::orders::prepare */ SELECT incoming.number
            FROM unnest($1::text[]) WITH ORDINALITY AS incoming (order_id, number)
            WHERE NOT EXISTS (
                SELECT FROM {build}.orders AS o
                WHERE o.order_id = incoming.order_id AND o.xmin = pg_current_xact_id()::xid
                OFFSET 0
            )
            ORDER BY incoming.number";
        Ok(Self {
            copy: prepare(client, build, &copy).await?,
            update: prepare(client, build, &order_columns::update()).await?,
            unwritten: prepare(client, build, unwritten).await?,
            upsert: prepare(client, build, &order_columns::upsert()).await?,
            refold: Refold::prepare(client, build).await?,
        })
    }

    /// The records of the history by which orders are merged.
    pub(super) fn records(&self) -> &WinningRecords {
        self.refold.records()
    }

    /// Returns how the totals change. With [`Way::Copy`], it fails if an order that should be new is known; see
    /// [`is_known_order`].
    pub(super) async fn write(&self, client: &Client, orders: &MergedOrders<'_>, way: Way) -> Result<Totals> {
        let rows: Vec<Row<'_, '_>> = orders.iter().collect();
        match way {
            Way::Copy => {
                let (new, known): (Vec<_>, Vec<_>) = rows.iter().partition(|(_, state)| begins(state));
                self.copy(client, &new, &known).await
            }
            Way::Upsert => self.upsert(client, &rows).await,
        }
    }

    async fn copy(&self, client: &Client, new: &[Row<'_, '_>], known: &[Row<'_, '_>]) -> Result<Totals> {
        let (stream, mut changes) = stream(new);
        let known_rows: Vec<_> = known.chunks(ORDERS_AT_ONCE).map(OrderRows::array).collect();
        let copy = client.copy_in(&self.copy).await.map_err(Error::during(ATTEMPT))?;
        let updates = known_rows.iter().map(async |rows| Written::by(client, &self.update, rows).await);
        let (copied, updated) = join(send(copy, stream), try_join_all(updates)).await;
        let copied = copied.map_err(Error::during(ATTEMPT))?;
        let updated: Written = updated.map_err(Error::during(ATTEMPT))?.into_iter().sum();
        if copied as usize != new.len() {
            return Err(Error::RowCount { attempt: ATTEMPT, expected: new.len(), found: copied });
        }
        changes += updated.changes;
        if updated.rows == known.len() {
            return Ok(changes);
        }
        let left_over = self.unwritten(client, known).await?;
        changes += self.upsert(client, &left_over).await?;
        Ok(changes)
    }

    /// The orders that have no row, or whose row this transaction has not written.
    async fn unwritten<'o, 'r>(&self, client: &Client, rows: &[Row<'o, 'r>]) -> Result<Vec<Row<'o, 'r>>> {
        let ids: Vec<&str> = rows.iter().map(|(order_id, _)| *order_id).collect();
        let numbers = client.query(&self.unwritten, &[&ids]).await;
        let numbers = numbers.map_err(Error::during("looking for orders that were not updated"))?;
        Ok(numbers.iter().map(|row| rows[row.get::<_, i64>(0) as usize - 1]).collect())
    }

    async fn upsert(&self, client: &Client, rows: &[Row<'_, '_>]) -> Result<Totals> {
        let arrays: Vec<_> = rows.chunks(ORDERS_AT_ONCE).map(OrderRows::array).collect();
        let upserts = arrays.iter().map(async |rows| Written::by(client, &self.upsert, rows).await);
        let taken = try_join_all(upserts).await.map_err(Error::during(ATTEMPT))?;
        let Written { rows: taken, mut changes } = taken.into_iter().sum();
        if taken == rows.len() {
            return Ok(changes);
        }
        let (refolded, replaced) = self.refold.run(client, rows).await?;
        if taken + refolded != rows.len() {
            let found = (taken + refolded) as u64;
            return Err(Error::RowCount { attempt: ATTEMPT, expected: rows.len(), found });
        }
        metrics::counter!("food_orders_orders_refolded_total").increment(refolded as u64);
        changes += replaced;
        Ok(changes)
    }
}

/// Whether a write with [`Way::Copy`] failed because an order is known that should be new.
pub(super) fn is_known_order(error: &Error) -> bool {
    match error {
        Error::Database { cause, .. } => cause.as_db_error().is_some_and(|error| {
            *error.code() == SqlState::UNIQUE_VIOLATION && error.constraint().is_some_and(is_key_of_orders)
        }),
        _ => false,
    }
}

/// Whether the records hold the first event of an order's life.
fn begins(state: &OrderState<'_>) -> bool {
    state.winners().any(|fact| fact.event == EventType::OrderCreated)
}

/// The stream of a COPY, and how many orders of each status it holds.
fn stream(rows: &[Row<'_, '_>]) -> (Bytes, Totals) {
    let mut copied = OrderRows::for_copy();
    for (order_id, state) in rows {
        copied.push(order_id, state);
    }
    let OrderPiece { bytes, orders } = copied.take();
    let mut stream = BytesMut::with_capacity(bytes.len() + 32);
    put_header(&mut stream);
    stream.put_slice(&bytes);
    stream.put_i16(-1);
    (stream.freeze(), orders)
}
