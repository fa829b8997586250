//! An order as JSON.

use orders::{OrderId, Status, Time};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use views::read::Order;

/// One order: the merge of its records.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Order)]
pub struct OrderBody {
    #[schema(value_type = OrderId)]
    order_id: String,
    #[schema(value_type = Status)]
    status: String,
    /// When the event that gave the status happened.
    last_updated: Time,
    /// The sequence of the event that gave the status.
    #[schema(minimum = 1)]
    sequence: i32,
    #[schema(required)]
    customer_id: Option<String>,
    #[schema(required)]
    restaurant_id: Option<String>,
    /// In hundredths of the currency.
    #[schema(required)]
    total_cents: Option<i64>,
    #[schema(required)]
    currency: Option<String>,
    #[schema(required)]
    created_at: Option<Time>,
    #[schema(required)]
    paid_at: Option<Time>,
    #[schema(required)]
    shipped_at: Option<Time>,
    #[schema(required)]
    delivered_at: Option<Time>,
    #[schema(required)]
    cancelled_at: Option<Time>,
    #[schema(required)]
    payment_method: Option<String>,
    #[schema(required)]
    courier_id: Option<String>,
    #[schema(required)]
    cancel_reason: Option<String>,
    /// The fields of the events that have no column of their own, such as `items`.
    #[schema(value_type = Object)]
    details: RawJson,
    /// Whether a record of this order is an open dead letter.
    incomplete: bool,
}

/// A JSON text, as PostgreSQL prints a `jsonb`. It is answered unchanged.
pub struct RawJson(pub String);

impl RawJson {
    /// The text of an object; `{}` if there is none.
    pub fn object(text: Option<String>) -> Self {
        Self(text.unwrap_or_else(|| "{}".into()))
    }
}

impl Serialize for RawJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serde_json::from_str::<&RawValue>(&self.0).map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

impl From<Order> for OrderBody {
    fn from(order: Order) -> Self {
        Self {
            order_id: order.order_id,
            status: order.status,
            last_updated: order.last_updated,
            sequence: order.sequence,
            customer_id: order.customer_id,
            restaurant_id: order.restaurant_id,
            total_cents: order.total_cents,
            currency: order.currency,
            created_at: order.created_at,
            paid_at: order.paid_at,
            shipped_at: order.shipped_at,
            delivered_at: order.delivered_at,
            cancelled_at: order.cancelled_at,
            payment_method: order.payment_method,
            courier_id: order.courier_id,
            cancel_reason: order.cancel_reason,
            details: RawJson::object(order.details),
            incomplete: order.incomplete,
        }
    }
}
