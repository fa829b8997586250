//! Decodes the value of a record, or finds all faults in it.
//!
//! Some faults stay unnoticed, because serde_json's `Value` hides them: numbers of over 1000 digits or with
//! exponents below −400 or above 1400, and a fault in the first of two fields with the same name.

use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::framed::Schemas;
use super::raw::{Raw, Undecodable};
use super::{instant, json};

/// The longest identifier, in characters.
const MAX_ID: usize = 128;
/// The deepest nesting of a field's value.
const MAX_DEPTH: usize = 100;

/// An event type: its name, the code that stands for it and for its status in the tables, the status it leads to, and
/// the columns of `orders` that are its own.
pub struct EventType {
    pub name: &'static str,
    pub code: &'static str,
    pub status: &'static str,
    pub time_column: &'static str,
    /// The field and its column. `total_cents` is an integer, all others are texts.
    pub columns: &'static [(&'static str, &'static str)],
}

/// In the order of the lifecycle. An event without a sequence has its type's index plus one.
pub static TYPES: [EventType; 5] = [
    EventType {
        name: "OrderCreated",
        code: "C",
        status: "pending",
        time_column: "created_at",
        columns: &[
            ("customer_id", "customer_id"),
            ("restaurant_id", "restaurant_id"),
            ("total_cents", "total_cents"),
            ("currency", "currency"),
        ],
    },
    EventType {
        name: "OrderPaid",
        code: "P",
        status: "paid",
        time_column: "paid_at",
        columns: &[("payment_method", "payment_method")],
    },
    EventType {
        name: "OrderShipped",
        code: "S",
        status: "shipped",
        time_column: "shipped_at",
        columns: &[("courier_id", "courier_id")],
    },
    EventType {
        name: "OrderDelivered",
        code: "D",
        status: "delivered",
        time_column: "delivered_at",
        columns: &[],
    },
    EventType {
        name: "OrderCancelled",
        code: "X",
        status: "cancelled",
        time_column: "cancelled_at",
        columns: &[("reason", "cancel_reason")],
    },
];

/// The fields with a column of their own in the history. All others are details.
const ENVELOPE: [&str; 6] = ["event", "order_id", "status", "event_id", "sequence", "occurred_at"];

pub struct Event {
    pub kind: &'static EventType,
    pub order_id: Box<str>,
    pub sequence: i64,
    pub event_id: Box<str>,
    /// Microseconds since 1970.
    pub occurred_at: i64,
    /// The other fields in canonical JSON, if there are any.
    pub details: Option<Box<str>>,
    pub trace_id: Option<Box<str>>,
}

pub fn decode(topic: &str, schemas: &Schemas, raw: Raw, max_bytes: usize) -> Result<Event, Box<Undecodable>> {
    let mut reading = Reading { faults: Vec::new(), order_id: Some(None) };
    match reading.event(topic, schemas, &raw, max_bytes) {
        Some(event) if reading.faults.is_empty() => Ok(event),
        _ => Err(Box::new(Undecodable { faults: reading.faults, order_id: reading.order_id, raw })),
    }
}

struct Reading {
    faults: Vec<&'static str>,
    order_id: Option<Option<String>>,
}

impl Reading {
    fn event(&mut self, topic: &str, schemas: &Schemas, raw: &Raw, max_bytes: usize) -> Option<Event> {
        let value = raw.value.as_deref().unwrap_or_default();
        if value.is_empty() {
            self.faults.push("empty_value");
            return None;
        }
        if raw.headers.is_none() || raw.size() > max_bytes {
            self.faults.push("too_large");
            return None;
        }
        if let Some(version) = raw.header("schema-version")
            && version.trim_ascii() != b"1"
        {
            self.faults.push("unknown_schema_version");
            return None;
        }
        let translated = match schemas.json(value) {
            Ok(json) => json,
            Err(causes) => {
                self.faults.extend(causes);
                return None;
            }
        };
        let mut fields = self.object(translated.as_deref().unwrap_or(value))?;
        let order_id = self.text(&fields, "order_id", 1);
        self.order_id = Some(order_id.clone());
        let name = self.text(&fields, "event", 0);
        for (field, value) in [("order_id", &order_id), ("event", &name)] {
            if value.is_none() && fields.get(field).is_none_or(Value::is_null) {
                self.faults.push("missing_field");
            }
        }
        let found = TYPES.iter().enumerate().find(|(_, kind)| Some(kind.name) == name.as_deref());
        if name.is_some() && found.is_none() {
            self.faults.push("unknown_event");
        }
        let status = self.text(&fields, "status", 0);
        let event_id = self.text(&fields, "event_id", 1);
        let occurred_at = self.text(&fields, "occurred_at", 0).map(|text| instant::parse(&text));
        if occurred_at == Some(None) {
            self.faults.push("out_of_range");
        }
        let sequence = self.integer(&fields, "sequence", 1, i32::MAX.into());
        let (index, kind) = found?;
        if status.is_some_and(|status| status != kind.status) {
            self.faults.push("status_contradicts_event");
        }
        self.check_attributes(kind, &fields);
        fields.retain(|name, _| !ENVELOPE.contains(&name.as_str()));
        for (name, value) in &fields {
            if name.contains('\0') || json::holds_nul(value) {
                self.faults.push("nul_character");
            }
            if json::depth(value) > MAX_DEPTH {
                self.faults.push("out_of_range");
            }
        }
        let event_id = event_id.unwrap_or_else(|| format!("{topic}-{}-{}", raw.partition, raw.offset));
        Some(Event {
            kind,
            order_id: order_id?.into(),
            sequence: sequence.unwrap_or(index as i64 + 1),
            event_id: event_id.into(),
            occurred_at: occurred_at.flatten().unwrap_or_else(|| raw.appended_at()),
            details: (!fields.is_empty()).then(|| json::canonical(Value::Object(fields)).into()),
            trace_id: trace_id(raw.header("traceparent")),
        })
    }

    fn object(&mut self, value: &[u8]) -> Option<Map<String, Value>> {
        if value.contains(&0) {
            self.faults.push("nul_character");
        }
        match serde_json::from_slice(value) {
            Ok(Value::Object(fields)) => return Some(fields),
            Ok(_) => self.faults.push("wrong_type"),
            Err(_) => {
                self.faults.push("bad_json");
                // The grammar of JSON allows values that a `Value` cannot represent: a number beyond a
                // double, very deep nesting, half a surrogate pair. The consumer may have read the order's id
                // before it met one.
                if std::str::from_utf8(value).is_ok() && serde_json::from_slice::<IgnoredAny>(value).is_ok() {
                    self.faults.push("out_of_range");
                    self.order_id = None;
                }
            }
        }
        None
    }

    /// Checks the types of the attributes.
    fn check_attributes(&mut self, kind: &EventType, fields: &Map<String, Value>) {
        for (field, _) in kind.columns {
            match *field {
                "total_cents" => drop(self.integer(fields, field, 0, i64::MAX)),
                // A free text of any length.
                "reason" => self.check_text(fields, field),
                _ => drop(self.text(fields, field, 0)),
            }
        }
        if kind.name == "OrderPaid" {
            self.integer(fields, "amount_cents", 0, i64::MAX);
        }
        if kind.name == "OrderCreated"
            && !matches!(fields.get("items"), None | Some(Value::Null | Value::Array(_)))
        {
            self.faults.push("wrong_type");
        }
    }

    fn check_text(&mut self, fields: &Map<String, Value>, name: &str) {
        if !matches!(fields.get(name), None | Some(Value::Null | Value::String(_))) {
            self.faults.push("wrong_type");
        }
    }

    /// A text of `least` to 128 characters. The length of `event`, `status` and `occurred_at` does not
    /// matter: one that is too long has no valid content either.
    fn text(&mut self, fields: &Map<String, Value>, name: &str, least: usize) -> Option<String> {
        self.check_text(fields, name);
        let text = fields.get(name)?.as_str()?;
        if text.contains('\0') {
            self.faults.push("nul_character");
            return None;
        }
        let is_identifier = !matches!(name, "event" | "status" | "occurred_at");
        if is_identifier && !(least..=MAX_ID).contains(&text.chars().count()) {
            self.faults.push("out_of_range");
            return None;
        }
        Some(text.to_owned())
    }

    fn integer(&mut self, fields: &Map<String, Value>, name: &str, least: i64, most: i64) -> Option<i64> {
        match fields.get(name)? {
            Value::Null => None,
            Value::Number(number) if number.is_f64() => {
                // It is a fraction, or an integer of more than 64 bits.
                self.faults.extend(["wrong_type", "out_of_range"]);
                None
            }
            Value::Number(number) => {
                let integer = number.as_i64().filter(|integer| (least..=most).contains(integer));
                if integer.is_none() {
                    self.faults.push("out_of_range");
                }
                integer
            }
            _ => {
                self.faults.push("wrong_type");
                None
            }
        }
    }
}

/// The second part of a `traceparent`, if it is 32 hexadecimal digits.
fn trace_id(header: Option<&[u8]>) -> Option<Box<str>> {
    let id = std::str::from_utf8(header?).ok()?.split('-').nth(1)?;
    (id.len() == 32 && id.chars().all(|digit| digit.is_ascii_hexdigit())).then(|| id.into())
}

#[cfg(test)]
mod tests;
