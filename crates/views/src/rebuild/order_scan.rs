//! Rows of table `orders`, read in bulk.

use bytes::Bytes;
use orders::{OrderRow, OrderState};

use super::copy_out::CopyRows;
use super::order_set::OrderSet;
use crate::error::Result;
use crate::row_values::RowValues;
use crate::session::Session;
use crate::sql::for_build;
use crate::winners::Winners;
use crate::{Build, order_columns};

/// Some orders; in the order of their ids, unless all are read.
pub struct OrderScan(CopyRows);

impl OrderScan {
    pub async fn open(session: &Session, build: Build, orders: &OrderSet) -> Result<Self> {
        let (columns, part, condition) = (order_columns::READ.as_str(), orders.part(), orders.condition());
        Self::of_query(
            session,
            build,
            &format!(
                "/* views::rebuild::order_scan::open */ SELECT {columns}, winners FROM {{build}}.orders{part} WHERE {condition}
                 ORDER BY order_id"
            ),
        )
        .await
    }

    /// All orders, in no order.
    pub async fn open_all(session: &Session, build: Build) -> Result<Self> {
        let columns = order_columns::READ.as_str();
        Self::of_query(
            session,
            build,
            &format!(
                "/* views::rebuild::order_scan::open_all */ SELECT {columns}, winners FROM {{build}}.orders"
            ),
        )
        .await
    }

    async fn of_query(session: &Session, build: Build, query: &str) -> Result<Self> {
        CopyRows::open(session, "reading the orders", &for_build(query, build)).await.map(Self)
    }

    pub async fn next(&mut self) -> Result<Option<StoredOrder>> {
        Ok(self.0.next().await?.map(StoredOrder))
    }
}

/// What a row holds: the columns that are shown, and which records gave them.
#[derive(Debug, Hash)]
pub struct OrderContent<'a> {
    pub row: OrderRow<'a>,
    pub winners: Winners,
}

impl<'a> OrderContent<'a> {
    /// What the row of `state` has to hold; a state without records has none.
    #[must_use]
    pub fn of(state: &'a OrderState<'_>) -> Option<Self> {
        Some(Self { row: state.row()?, winners: Winners::of(state) })
    }
}

/// One row.
#[derive(Debug)]
pub struct StoredOrder(Bytes);

impl StoredOrder {
    pub fn order_id(&self) -> Result<&str> {
        // The first of the columns.
        RowValues::of_copy(&self.0).text()
    }

    pub fn content(&self) -> Result<OrderContent<'_>> {
        let mut values = RowValues::of_copy(&self.0);
        let (order_id, row) = order_columns::read(&mut values)?;
        Ok(OrderContent { row, winners: Winners::of_order(order_id, values.bytes()?)? })
    }
}
