//! One order, as a table row or a merge of its history gives it.

use orders::Time;
use tokio_postgres::Row;

use crate::sql::Timestamptz;

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
    /// What [`Order::of`] reads, from a table or query `o`; the caller adds `incomplete`.
    pub(super) const COLUMNS: &str = "o.order_id, o.status, o.last_updated, o.sequence, o.customer_id, o.restaurant_id, \
         o.total_cents, o.currency, o.created_at, o.paid_at, o.shipped_at, o.delivered_at, o.cancelled_at, \
         o.payment_method, o.courier_id, o.cancel_reason, o.details::text AS details";

    pub(super) fn of(row: &Row) -> Self {
        let time = |index| row.get::<_, Option<Timestamptz>>(index).map(|time| time.0);
        Self {
            order_id: row.get(0),
            status: row.get(1),
            last_updated: row.get::<_, Timestamptz>(2).0,
            sequence: row.get(3),
            customer_id: row.get(4),
            restaurant_id: row.get(5),
            total_cents: row.get(6),
            currency: row.get(7),
            created_at: time(8),
            paid_at: time(9),
            shipped_at: time(10),
            delivered_at: time(11),
            cancelled_at: time(12),
            payment_method: row.get(13),
            courier_id: row.get(14),
            cancel_reason: row.get(15),
            details: row.get(16),
            incomplete: row.get(17),
        }
    }
}
