//! An order as JSON.

use orders::Time;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use views::read::Order;

/// One order: the merge of its records.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Order)]
pub struct OrderBody {
    #[schema(example = "ORD-000123")]
    order_id: String,
    #[schema(example = "paid", pattern = "^(pending|paid|shipped|delivered|cancelled)$")]
    status: String,
    /// When the event that gave the status happened.
    #[schema(value_type = String, format = DateTime)]
    last_updated: Time,
    /// Sequence of the event that gave the status.
    sequence: i32,
    customer_id: Option<String>,
    restaurant_id: Option<String>,
    /// In hundredths of the currency.
    total_cents: Option<i64>,
    currency: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    created_at: Option<Time>,
    #[schema(value_type = Option<String>, format = DateTime)]
    paid_at: Option<Time>,
    #[schema(value_type = Option<String>, format = DateTime)]
    shipped_at: Option<Time>,
    #[schema(value_type = Option<String>, format = DateTime)]
    delivered_at: Option<Time>,
    #[schema(value_type = Option<String>, format = DateTime)]
    cancelled_at: Option<Time>,
    payment_method: Option<String>,
    courier_id: Option<String>,
    cancel_reason: Option<String>,
    /// The events' other fields, items among them. `{}`: none.
    #[schema(value_type = Object)]
    details: RawJson,
    /// A record of this order could not be applied and is an open dead letter.
    incomplete: bool,
}

/// A JSON text, such as PostgreSQL prints for a `jsonb`.
pub struct RawJson(pub String);

impl RawJson {
    /// An object, `{}` if there is none.
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
