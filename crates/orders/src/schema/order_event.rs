//! The schemas of the events that the producer writes, and their values in Avro.

use apache_avro::Schema;
use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;

use crate::command::Item;
use crate::{Attributes, NewEvent};

/// The Avro schema of an event.
pub const AVRO: &str = include_str!("order_event.avsc");
/// The JSON schema of an event.
pub const JSON: &str = include_str!("order_event.schema.json");

/// Writes events in Avro's binary encoding.
#[derive(Debug)]
pub struct AvroWriter(Schema);

impl AvroWriter {
    pub fn new() -> Result<Self, Box<apache_avro::Error>> {
        Schema::parse_str(AVRO).map(Self).map_err(Box::new)
    }

    /// The event by [`AVRO`], without framing.
    pub fn write(&self, event: &NewEvent) -> Result<Vec<u8>, Box<apache_avro::Error>> {
        let write = || GenericDatumWriter::builder(&self.0).build()?.write_value_to_vec(value(event));
        write().map_err(Box::new)
    }
}

fn value(event: &NewEvent) -> Value {
    let text = |text: &str| Some(Value::String(text.to_owned()));
    let long = |number: i64| Some(Value::Long(number));
    let mut own = OwnFields::default();
    match &event.attributes {
        Attributes::Created { customer_id, restaurant_id, items, total_cents, currency } => {
            own.customer_id = text(customer_id);
            own.restaurant_id = text(restaurant_id);
            own.items = Some(Value::Array(items.iter().map(item).collect()));
            own.total_cents = long(*total_cents);
            own.currency = text(currency);
        }
        Attributes::Paid { payment_method, amount_cents } => {
            own.payment_method = text(payment_method);
            own.amount_cents = amount_cents.and_then(long);
        }
        Attributes::Shipped { courier_id } => own.courier_id = text(courier_id),
        Attributes::Delivered => {}
        Attributes::Cancelled { reason } => own.reason = text(reason),
    }
    record([
        ("event", Value::String(event.event().as_str().to_owned())),
        ("order_id", Value::String(event.order_id.as_str().to_owned())),
        ("status", nullable(text(event.event().status().as_str()))),
        ("event_id", nullable(text(&event.event_id.to_string()))),
        ("sequence", nullable(Some(Value::Int(event.sequence)))),
        ("occurred_at", nullable(Some(Value::TimestampMicros(event.occurred_at.as_micros())))),
        ("customer_id", nullable(own.customer_id)),
        ("restaurant_id", nullable(own.restaurant_id)),
        ("items", nullable(own.items)),
        ("total_cents", nullable(own.total_cents)),
        ("currency", nullable(own.currency)),
        ("payment_method", nullable(own.payment_method)),
        ("amount_cents", nullable(own.amount_cents)),
        ("courier_id", nullable(own.courier_id)),
        ("reason", nullable(own.reason)),
    ])
}

/// The fields that only events of one type have.
#[derive(Default)]
struct OwnFields {
    customer_id: Option<Value>,
    restaurant_id: Option<Value>,
    items: Option<Value>,
    total_cents: Option<Value>,
    currency: Option<Value>,
    payment_method: Option<Value>,
    amount_cents: Option<Value>,
    courier_id: Option<Value>,
    reason: Option<Value>,
}

fn item(item: &Item) -> Value {
    record([
        ("name", Value::String(item.name.clone())),
        ("quantity", Value::Long(item.quantity.into())),
        ("unit_price_cents", Value::Long(item.unit_price_cents.into())),
    ])
}

fn record<const FIELDS: usize>(fields: [(&str, Value); FIELDS]) -> Value {
    Value::Record(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// In each union of the schema, null is the first branch.
fn nullable(value: Option<Value>) -> Value {
    match value {
        None => Value::Union(0, Box::new(Value::Null)),
        Some(value) => Value::Union(1, Box::new(value)),
    }
}
