//! Rows of table `orders`, read in bulk.

use std::borrow::Cow;

use bytes::Bytes;
use orders::OrderRow;

use super::copy_out::{Columns, CopyRows};
use super::range::OrderRange;
use crate::Build;
use crate::error::{Error, Result};
use crate::session::Session;
use crate::sql::for_build;

/// The orders of a range, in the order of their ids.
pub struct OrderScan(CopyRows);

impl OrderScan {
    pub async fn open(session: &Session, build: Build, range: &OrderRange) -> Result<Self> {
        let query = for_build(
            &format!(
                "/* views::rebuild::order_scan */ SELECT order_id, status, last_updated, sequence, customer_id,
                     restaurant_id, total_cents, currency, created_at, paid_at, shipped_at, delivered_at, cancelled_at,
                     payment_method, courier_id, cancel_reason, details::text
                 FROM {{build}}.orders WHERE {} ORDER BY order_id",
                range.condition()
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
        Columns::of(&self.0).text()
    }

    pub fn row(&self) -> Result<OrderRow<'_>> {
        let mut columns = Columns::of(&self.0);
        columns.text()?;
        let status = columns.text()?.parse().map_err(|error| {
            Error::Unusable(format!("table orders holds a status of another version: {error}"))
        })?;
        let (last_updated, sequence) = (columns.time()?, columns.i32()?);
        let mut text = || columns.text_or_null().map(|text| text.map(Cow::Borrowed));
        let (customer_id, restaurant_id) = (text()?, text()?);
        Ok(OrderRow {
            status,
            last_updated,
            sequence,
            customer_id,
            restaurant_id,
            total_cents: columns.i64_or_null()?,
            currency: columns.text_or_null()?.map(Cow::Borrowed),
            created_at: columns.time_or_null()?,
            paid_at: columns.time_or_null()?,
            shipped_at: columns.time_or_null()?,
            delivered_at: columns.time_or_null()?,
            cancelled_at: columns.time_or_null()?,
            payment_method: columns.text_or_null()?.map(Cow::Borrowed),
            courier_id: columns.text_or_null()?.map(Cow::Borrowed),
            cancel_reason: columns.text_or_null()?.map(Cow::Borrowed),
            details: columns.text_or_null()?.map(str::to_owned),
        })
    }
}
