//! Rows of table `orders` as one array per column, the way the statements take them.

use std::borrow::Cow;

use orders::OrderState;
use tokio_postgres::types::ToSql;

use crate::sql::Timestamptz;

type Text<'a> = Option<Cow<'a, str>>;

#[derive(Debug, Default)]
pub struct OrderColumns<'a> {
    pub order_id: Vec<Cow<'a, str>>,
    status: Vec<&'static str>,
    last_updated: Vec<Timestamptz>,
    sequence: Vec<i32>,
    first_sequence: Vec<i32>,
    customer_id: Vec<Text<'a>>,
    restaurant_id: Vec<Text<'a>>,
    total_cents: Vec<Option<i64>>,
    currency: Vec<Text<'a>>,
    times: [Vec<Option<Timestamptz>>; 5],
    payment_method: Vec<Text<'a>>,
    courier_id: Vec<Text<'a>>,
    cancel_reason: Vec<Text<'a>>,
    details: Vec<Option<String>>,
}

impl<'a> OrderColumns<'a> {
    #[must_use]
    pub fn len(&self) -> usize {
        self.order_id.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.order_id.is_empty()
    }

    /// Appends the row of `state`, unless it has none.
    pub fn push(&mut self, order_id: Cow<'a, str>, state: &'a OrderState<'_>) {
        let (Some(row), Some(first_sequence)) = (state.row(), state.first_sequence()) else { return };
        self.order_id.push(order_id);
        self.status.push(row.status.as_str());
        self.last_updated.push(Timestamptz(row.last_updated));
        self.sequence.push(row.sequence);
        self.first_sequence.push(first_sequence);
        self.customer_id.push(row.customer_id);
        self.restaurant_id.push(row.restaurant_id);
        self.total_cents.push(row.total_cents);
        self.currency.push(row.currency);
        let times = [row.created_at, row.paid_at, row.shipped_at, row.delivered_at, row.cancelled_at];
        for (column, time) in self.times.iter_mut().zip(times) {
            column.push(time.map(Timestamptz));
        }
        self.payment_method.push(row.payment_method);
        self.courier_id.push(row.courier_id);
        self.cancel_reason.push(row.cancel_reason);
        self.details.push(row.details);
    }

    /// In the order of the placeholders of `upsert.sql` and `replace.sql`.
    #[must_use]
    pub fn parameters(&self) -> [&(dyn ToSql + Sync); 18] {
        let [created, paid, shipped, delivered, cancelled] = &self.times;
        [
            &self.order_id,
            &self.status,
            &self.last_updated,
            &self.sequence,
            &self.first_sequence,
            &self.customer_id,
            &self.restaurant_id,
            &self.total_cents,
            &self.currency,
            created,
            paid,
            shipped,
            delivered,
            cancelled,
            &self.payment_method,
            &self.courier_id,
            &self.cancel_reason,
            &self.details,
        ]
    }
}
