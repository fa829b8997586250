//! An event that has been decided but is not in the log yet, and its JSON.

use serde::ser::{Serialize, SerializeMap, SerializeStruct, Serializer};
use uuid::Uuid;

use crate::command::Item;
use crate::{EventType, OrderId, Time};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    pub order_id: OrderId,
    /// Version 7, so that ids sort by time.
    pub event_id: Uuid,
    /// 1 to 2³¹−1, without gaps within an order.
    pub sequence: i32,
    pub occurred_at: Time,
    pub attributes: Attributes,
}

/// The attributes that only events of one type have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attributes {
    Created {
        customer_id: String,
        restaurant_id: String,
        items: Vec<Item>,
        total_cents: i64,
        currency: String,
    },
    Paid {
        payment_method: String,
        /// `None` if the order's total is not known.
        amount_cents: Option<i64>,
    },
    Shipped {
        courier_id: String,
    },
    Delivered,
    Cancelled {
        reason: String,
    },
}

impl NewEvent {
    #[must_use]
    pub fn event(&self) -> EventType {
        match self.attributes {
            Attributes::Created { .. } => EventType::OrderCreated,
            Attributes::Paid { .. } => EventType::OrderPaid,
            Attributes::Shipped { .. } => EventType::OrderShipped,
            Attributes::Delivered => EventType::OrderDelivered,
            Attributes::Cancelled { .. } => EventType::OrderCancelled,
        }
    }

    /// Appends the record's value to `out`.
    pub fn write_json(&self, out: &mut Vec<u8>) -> Result<(), serde_json::Error> {
        serde_json::to_writer(out, self)
    }
}

impl Serialize for NewEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let event = self.event();
        let mut event_id = Uuid::encode_buffer();
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("event", event.as_str())?;
        map.serialize_entry("order_id", self.order_id.as_str())?;
        map.serialize_entry("status", event.status().as_str())?;
        map.serialize_entry("event_id", &*self.event_id.hyphenated().encode_lower(&mut event_id))?;
        map.serialize_entry("sequence", &self.sequence)?;
        map.serialize_entry("occurred_at", &self.occurred_at)?;
        self.attributes.serialize_into(&mut map)?;
        map.end()
    }
}

impl Attributes {
    fn serialize_into<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        match self {
            Self::Created { customer_id, restaurant_id, items, total_cents, currency } => {
                map.serialize_entry("customer_id", customer_id)?;
                map.serialize_entry("restaurant_id", restaurant_id)?;
                map.serialize_entry("items", items)?;
                map.serialize_entry("total_cents", total_cents)?;
                map.serialize_entry("currency", currency)
            }
            Self::Paid { payment_method, amount_cents } => {
                map.serialize_entry("payment_method", payment_method)?;
                amount_cents.map_or(Ok(()), |cents| map.serialize_entry("amount_cents", &cents))
            }
            Self::Shipped { courier_id } => map.serialize_entry("courier_id", courier_id),
            Self::Delivered => Ok(()),
            Self::Cancelled { reason } => map.serialize_entry("reason", reason),
        }
    }
}

impl Serialize for Item {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut item = serializer.serialize_struct("Item", 3)?;
        item.serialize_field("name", &self.name)?;
        item.serialize_field("quantity", &self.quantity)?;
        item.serialize_field("unit_price_cents", &self.unit_price_cents)?;
        item.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(sequence: i32, attributes: Attributes) -> String {
        let event = NewEvent {
            order_id: OrderId::parse("ORD-000123").unwrap(),
            event_id: Uuid::from_u128(0x019a_a7b2_5b63_7000_8000_0000_0000_0001),
            sequence,
            occurred_at: "2026-11-21T18:04:05.123Z".parse().unwrap(),
            attributes,
        };
        let mut out = Vec::new();
        event.write_json(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_json_is_that_of_the_documentation() {
        let created = Attributes::Created {
            customer_id: "CUST-0042".into(),
            restaurant_id: "REST-007".into(),
            items: vec![Item { name: "Margherita".into(), quantity: 2, unit_price_cents: 950 }],
            total_cents: 1900,
            currency: "EUR".into(),
        };
        assert_eq!(
            json(1, created),
            concat!(
                r#"{"event":"OrderCreated","order_id":"ORD-000123","status":"pending","#,
                r#""event_id":"019aa7b2-5b63-7000-8000-000000000001","sequence":1,"#,
                r#""occurred_at":"2026-11-21T18:04:05.123Z","customer_id":"CUST-0042","#,
                r#""restaurant_id":"REST-007","#,
                r#""items":[{"name":"Margherita","quantity":2,"unit_price_cents":950}],"#,
                r#""total_cents":1900,"currency":"EUR"}"#,
            )
        );
    }

    #[test]
    fn each_event_ends_with_its_own_attributes() {
        for (attributes, end) in [
            (
                Attributes::Paid { payment_method: "card".into(), amount_cents: Some(1900) },
                r#","payment_method":"card","amount_cents":1900}"#,
            ),
            (
                Attributes::Paid { payment_method: "card".into(), amount_cents: None },
                r#","payment_method":"card"}"#,
            ),
            (Attributes::Shipped { courier_id: "COUR-001".into() }, r#","courier_id":"COUR-001"}"#),
            (Attributes::Delivered, r#""occurred_at":"2026-11-21T18:04:05.123Z"}"#),
            (Attributes::Cancelled { reason: "too late".into() }, r#","reason":"too late"}"#),
        ] {
            let json = json(2, attributes);
            assert!(json.ends_with(end), "{json}");
        }
    }
}
