//! Rows of table `orders`, read in bulk.

use bytes::Bytes;
use orders::OrderRow;

use super::copy_out::CopyRows;
use super::order_set::OrderSet;
use crate::error::Result;
use crate::row_values::RowValues;
use crate::session::Session;
use crate::sql::for_build;
use crate::{Build, order_columns};

/// Some orders, in the order of their ids.
pub struct OrderScan(CopyRows);

impl OrderScan {
    pub async fn open(session: &Session, build: Build, orders: &OrderSet) -> Result<Self> {
        let (columns, condition) = (order_columns::READ.as_str(), orders.condition());
        let query = for_build(
            &format!(
                "/* views::rebuild::order_scan::open */ SELECT {columns} FROM {{build}}.orders WHERE {condition}
                 ORDER BY order_id"
            ),
            build,
        );
        CopyRows::open(session, "reading the orders", &query).await.map(Self)
    }

    pub async fn next(&mut self) -> Result<Option<StoredOrder>> {
        Ok(self.0.next().await?.map(StoredOrder))
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

    pub fn row(&self) -> Result<OrderRow<'_>> {
        Ok(order_columns::read(&mut RowValues::of_copy(&self.0))?.1)
    }
}
