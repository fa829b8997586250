//! One order, as a row of the table or a merge of its history gives it.

use std::borrow::Cow;

use orders::{OrderRow, Time, print_object};
use tokio_postgres::Row;

use super::rows::{Page, Rows};
use crate::error::Error;
use crate::order_columns;
use crate::row_values::RowValues;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    pub order_id: String,
    pub status: String,
    pub last_updated: Time,
    pub sequence: i32,
    pub customer_id: Option<String>,
    pub restaurant_id: Option<String>,
    pub total_cents: Option<i64>,
    pub currency: Option<String>,
    pub created_at: Option<Time>,
    pub paid_at: Option<Time>,
    pub shipped_at: Option<Time>,
    pub delivered_at: Option<Time>,
    pub cancelled_at: Option<Time>,
    pub payment_method: Option<String>,
    pub courier_id: Option<String>,
    pub cancel_reason: Option<String>,
    /// A JSON object as `jsonb` prints it; `None`: no field without a column.
    pub details: Option<String>,
    /// A record of this order is an open dead letter.
    pub incomplete: bool,
}

impl Order {
    /// Reads a row of [`order_columns::READ_OF_TABLE`] or [`order_columns::READ_OF_FOLD`] and, behind these,
    /// `incomplete`.
    pub(super) fn of(row: &Row) -> Result<Self, Error> {
        let mut values = RowValues::of_query(row);
        let (order_id, order) = order_columns::read(&mut values)?;
        if let Some(cause) = damage(&order) {
            return Err(Error::DamagedOrder { order_id: order_id.to_owned(), cause });
        }
        Self::new(order_id, order, values.bool()?)
    }

    /// The rows of a statement that was asked for one order more than `limit`.
    pub(super) fn page(rows: &Rows, limit: i64) -> Result<Page<Self>, Error> {
        rows.page(limit, Self::of)
    }

    /// Prints the details; [`Error::DamagedOrder`] if they are not a JSON object.
    pub(super) fn new(order_id: &str, row: OrderRow<'_>, incomplete: bool) -> Result<Self, Error> {
        let text = |value: Option<Cow<'_, str>>| value.map(Cow::into_owned);
        let details = row.details.as_deref().map(print_object).transpose();
        let details = details.map_err(|error| Error::DamagedOrder {
            order_id: order_id.to_owned(),
            cause: format!("column details: {error}"),
        })?;
        Ok(Self {
            order_id: order_id.to_owned(),
            status: row.status.to_string(),
            last_updated: row.last_updated,
            sequence: row.sequence,
            customer_id: text(row.customer_id),
            restaurant_id: text(row.restaurant_id),
            total_cents: row.total_cents,
            currency: text(row.currency),
            created_at: row.created_at,
            paid_at: row.paid_at,
            shipped_at: row.shipped_at,
            delivered_at: row.delivered_at,
            cancelled_at: row.cancelled_at,
            payment_method: text(row.payment_method),
            courier_id: text(row.courier_id),
            cancel_reason: text(row.cancel_reason),
            details,
            incomplete,
        })
    }
}

/// What this program never writes, although the types of the columns allow it.
fn damage(order: &OrderRow<'_>) -> Option<String> {
    let times = [
        ("last_updated", Some(order.last_updated)),
        ("created_at", order.created_at),
        ("paid_at", order.paid_at),
        ("shipped_at", order.shipped_at),
        ("delivered_at", order.delivered_at),
        ("cancelled_at", order.cancelled_at),
    ];
    for (column, time) in times {
        if time.is_some_and(|time| !(Time::MIN..=Time::MAX).contains(&time)) {
            return Some(format!("column {column} is out of range"));
        }
    }
    if order.sequence < 1 {
        return Some(format!("column sequence is {}", order.sequence));
    }
    None
}
