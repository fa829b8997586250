//! A record's bytes become an event, or a rejection that says why not.
//!
//! Lenient where a hand-typed event is short (section "The minimal form" of
//! docs/events.md), strict where a wrong value would end up in a table.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::text::{self, Unfit};
use crate::{EventType, Fact, Fields, LogOrder, OrderId, Status, Time};

/// The highest `schema-version` header that this version reads.
pub const MAX_SCHEMA_VERSION: u32 = 1;

/// The longest identifier, in characters; `order_id` and `event_id` have at least 1.
/// Those that have a column may be in an index, which refuses a few kilobytes.
pub const MAX_ID_CHARS: usize = OrderId::MAX_CHARS;

/// Why a record is no event of ours. The names are what `dead_letters.cause` holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    EmptyValue,
    TooLarge,
    UnknownSchemaVersion,
    BadJson,
    NulCharacter,
    MissingField,
    WrongType,
    OutOfRange,
    UnknownEvent,
    StatusContradictsEvent,
    /// Only PostgreSQL found fault with it.
    RefusedByDatabase,
}

impl Cause {
    pub const ALL: [Self; 11] = [
        Self::EmptyValue,
        Self::TooLarge,
        Self::UnknownSchemaVersion,
        Self::BadJson,
        Self::NulCharacter,
        Self::MissingField,
        Self::WrongType,
        Self::OutOfRange,
        Self::UnknownEvent,
        Self::StatusContradictsEvent,
        Self::RefusedByDatabase,
    ];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EmptyValue => "empty_value",
            Self::TooLarge => "too_large",
            Self::UnknownSchemaVersion => "unknown_schema_version",
            Self::BadJson => "bad_json",
            Self::NulCharacter => "nul_character",
            Self::MissingField => "missing_field",
            Self::WrongType => "wrong_type",
            Self::OutOfRange => "out_of_range",
            Self::UnknownEvent => "unknown_event",
            Self::StatusContradictsEvent => "status_contradicts_event",
            Self::RefusedByDatabase => "refused_by_database",
        }
    }
}

/// The text names no cause.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is no cause of a dead letter; causes are {known}", known = Cause::ALL.map(Cause::as_str).join(", "))]
pub struct UnknownCause(pub String);

impl FromStr for Cause {
    type Err = UnknownCause;

    fn from_str(text: &str) -> Result<Self, UnknownCause> {
        let known = Self::ALL.into_iter().find(|cause| cause.as_str() == text);
        known.ok_or_else(|| UnknownCause(text.to_owned()))
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A record that cannot be applied: what a dead letter is made of.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{cause}: {message}")]
pub struct Rejection {
    pub cause: Cause,
    pub message: String,
    /// The order that is incomplete without this record, where it could be read.
    pub order_id: Option<String>,
}

impl Rejection {
    #[must_use]
    pub fn new(cause: Cause, message: impl Into<String>) -> Self {
        Self { cause, message: message.into(), order_id: None }
    }
}

/// One event of one order, borrowed from the record's bytes.
#[derive(Clone, Debug)]
pub struct Decoded<'a> {
    pub order_id: Cow<'a, str>,
    /// `None`: to be derived from topic, partition and offset.
    pub event_id: Option<Cow<'a, str>>,
    pub fact: Fact<'a>,
}

/// What a record brings besides its value.
#[derive(Clone, Copy, Debug)]
pub struct Envelope<'a> {
    pub at: LogOrder,
    /// The header of that name, if the record has one.
    pub schema_version: Option<&'a [u8]>,
    /// Larger values are rejected unread. In bytes.
    pub max_bytes: usize,
}

/// Reads one record. `value` is `None` for a tombstone.
pub fn decode<'a>(envelope: Envelope<'_>, value: Option<&'a [u8]>) -> Result<Decoded<'a>, Rejection> {
    let value = value.unwrap_or_default();
    if value.is_empty() {
        return Err(Rejection::new(Cause::EmptyValue, "the record has no value"));
    }
    if value.len() > envelope.max_bytes {
        let message = format!("{} bytes; the limit is {}", value.len(), envelope.max_bytes);
        return Err(Rejection::new(Cause::TooLarge, message));
    }
    check_schema_version(envelope.schema_version)?;
    let json = std::str::from_utf8(value)
        .map_err(|error| Rejection::new(Cause::BadJson, format!("no UTF-8: {error}")))?;
    let object: Object<'a> = serde_json::from_str(json).map_err(|error| {
        // No JSON holds one: looked for only here.
        if json.contains('\0') {
            return Rejection::new(Cause::NulCharacter, "the value holds a NUL character");
        }
        let is_object = json.trim_start().starts_with('{');
        let cause = if error.is_data() && !is_object { Cause::WrongType } else { Cause::BadJson };
        Rejection::new(cause, error.to_string())
    })?;
    let order_id = object.order_id;
    object
        .interpret(envelope.at)
        .map_err(|rejection| Rejection { order_id: readable_order_id(order_id), ..rejection })
}

fn readable_order_id(raw: Option<&str>) -> Option<String> {
    let order_id = text::string(raw?)?;
    OrderId::check(&order_id).ok().map(|()| order_id.into_owned())
}

fn check_schema_version(header: Option<&[u8]>) -> Result<(), Rejection> {
    let Some(header) = header else { return Ok(()) };
    let version = std::str::from_utf8(header).ok().and_then(|text| text.trim().parse::<u32>().ok());
    match version {
        Some(1..=MAX_SCHEMA_VERSION) => Ok(()),
        _ => Err(Rejection::new(
            Cause::UnknownSchemaVersion,
            format!(
                "schema-version {:?}; this version reads 1 to {MAX_SCHEMA_VERSION}",
                String::from_utf8_lossy(header)
            ),
        )),
    }
}

/// The value's top level: the raw text of each field.
#[derive(Default)]
struct Object<'a> {
    event: Option<&'a str>,
    order_id: Option<&'a str>,
    status: Option<&'a str>,
    event_id: Option<&'a str>,
    sequence: Option<&'a str>,
    occurred_at: Option<&'a str>,
    fields: Fields<'a>,
}

impl<'a> Object<'a> {
    fn interpret(self, at: LogOrder) -> Result<Decoded<'a>, Rejection> {
        let order_id = required_text("order_id", self.order_id)?;
        OrderId::check(&order_id).map_err(|error| Rejection::new(Cause::OutOfRange, error.to_string()))?;
        let event: EventType =
            required_text("event", self.event)?.parse().map_err(|error: crate::event::UnknownEvent| {
                Rejection::new(Cause::UnknownEvent, error.to_string())
            })?;
        self.check_status(event)?;
        let event_id = optional_text("event_id", self.event_id)?;
        if let Some(id) = &event_id
            && (id.is_empty() || is_too_long(id))
        {
            let message = format!("event_id has 1 to {MAX_ID_CHARS} characters");
            return Err(Rejection::new(Cause::OutOfRange, message));
        }
        let sequence = match present(self.sequence) {
            None => event.rank(),
            Some(raw) => in_range("sequence", raw, 1, i128::from(i32::MAX))? as i32,
        };
        let occurred_at = match optional_text("occurred_at", self.occurred_at)? {
            None => at.appended_at,
            Some(text) => text
                .parse::<Time>()
                .map_err(|error| Rejection::new(Cause::OutOfRange, format!("occurred_at: {error}")))?,
        };
        for (key, raw) in self.fields.iter() {
            check_field(event, key, raw)?;
        }
        let fields = self.fields;
        Ok(Decoded { order_id, event_id, fact: Fact { event, sequence, at, occurred_at, fields } })
    }

    fn check_status(&self, event: EventType) -> Result<(), Rejection> {
        let Some(text) = optional_text("status", self.status)? else { return Ok(()) };
        if text.parse::<Status>() == Ok(event.status()) {
            return Ok(());
        }
        let message = format!("status {text:?}; {event} makes an order {:?}", event.status().as_str());
        Err(Rejection::new(Cause::StatusContradictsEvent, message))
    }
}

/// The attributes that have a column or a shape of their own, by event; all other
/// fields are free.
fn check_field(event: EventType, key: &str, raw: &str) -> Result<(), Rejection> {
    use EventType::{OrderCancelled, OrderCreated, OrderPaid, OrderShipped};
    text::check(raw).map_err(|unfit| match unfit {
        Unfit::Nul => Rejection::new(Cause::NulCharacter, format!("{key} holds a NUL character")),
        Unfit::TooDeep => {
            Rejection::new(Cause::OutOfRange, format!("{key} nests deeper than {} levels", text::MAX_DEPTH))
        }
        Unfit::HugeNumber => {
            Rejection::new(Cause::OutOfRange, format!("{key} holds a number beyond a double's range"))
        }
        Unfit::LoneSurrogate => Rejection::new(Cause::BadJson, format!("{key} holds half a surrogate pair")),
    })?;
    if key.contains('\0') {
        return Err(Rejection::new(Cause::NulCharacter, "a field's name holds a NUL character"));
    }
    match (event, key) {
        (OrderCreated, "customer_id" | "restaurant_id" | "currency")
        | (OrderPaid, "payment_method")
        | (OrderShipped, "courier_id") => match optional_text(key, Some(raw))? {
            Some(id) if is_too_long(&id) => {
                let message = format!("{key} has at most {MAX_ID_CHARS} characters");
                Err(Rejection::new(Cause::OutOfRange, message))
            }
            _ => Ok(()),
        },
        (OrderCancelled, "reason") => optional_text(key, Some(raw)).map(drop),
        (OrderCreated, "total_cents") | (OrderPaid, "amount_cents") => match present(Some(raw)) {
            None => Ok(()),
            Some(raw) => in_range(key, raw, 0, i128::from(i64::MAX)).map(drop),
        },
        (OrderCreated, "items") if present(Some(raw)).is_some() && !raw.starts_with('[') => {
            Err(Rejection::new(Cause::WrongType, "items is a list"))
        }
        _ => Ok(()),
    }
}

/// Bytes first: a short text needs no counting.
fn is_too_long(id: &str) -> bool {
    id.len() > MAX_ID_CHARS && id.chars().nth(MAX_ID_CHARS).is_some()
}

/// A field that is null counts as missing.
fn present(raw: Option<&str>) -> Option<&str> {
    raw.filter(|raw| *raw != "null")
}

fn required_text<'a>(name: &str, raw: Option<&'a str>) -> Result<Cow<'a, str>, Rejection> {
    optional_text(name, raw)?.ok_or_else(|| Rejection::new(Cause::MissingField, format!("{name} is missing")))
}

fn optional_text<'a>(name: &str, raw: Option<&'a str>) -> Result<Option<Cow<'a, str>>, Rejection> {
    let Some(raw) = present(raw) else { return Ok(None) };
    if !raw.starts_with('"') {
        return Err(Rejection::new(Cause::WrongType, format!("{name} is a text, not {}", shorten(raw))));
    }
    match text::string(raw) {
        None => Err(Rejection::new(Cause::BadJson, format!("{name} holds half a surrogate pair"))),
        // Valid JSON holds it only as an escape.
        Some(Cow::Owned(text)) if text.contains('\0') => {
            Err(Rejection::new(Cause::NulCharacter, format!("{name} holds a NUL character")))
        }
        text => Ok(text),
    }
}

fn in_range(name: &str, raw: &str, least: i128, most: i128) -> Result<i128, Rejection> {
    let is_number = raw.starts_with(|first: char| first == '-' || first.is_ascii_digit());
    let is_integer = is_number && !raw.contains(['.', 'e', 'E']);
    if !is_integer {
        return Err(Rejection::new(Cause::WrongType, format!("{name} is an integer, not {}", shorten(raw))));
    }
    text::integer(raw).filter(|number| (least..=most).contains(number)).ok_or_else(|| {
        Rejection::new(Cause::OutOfRange, format!("{name} is from {least} to {most}, not {}", shorten(raw)))
    })
}

fn shorten(raw: &str) -> Cow<'_, str> {
    match raw.char_indices().nth(40) {
        None => Cow::Borrowed(raw),
        Some((end, _)) => Cow::Owned(format!("{}…", &raw[..end])),
    }
}

/// A field's name, borrowed where it holds no escape.
pub(crate) struct Key<'a>(pub(crate) Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Key<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a field's name")
            }
            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(name)))
            }
            fn visit_str<E>(self, name: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(name.to_owned())))
            }
        }
        deserializer.deserialize_str(KeyVisitor)
    }
}

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor;
        impl<'de> Visitor<'de> for ObjectVisitor {
            type Value = Object<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
                let mut object = Object::default();
                while let Some((Key(key), value)) = map.next_entry::<Key<'de>, &'de RawValue>()? {
                    let raw = value.get();
                    match &*key {
                        "event" => object.event = Some(raw),
                        "order_id" => object.order_id = Some(raw),
                        "status" => object.status = Some(raw),
                        "event_id" => object.event_id = Some(raw),
                        "sequence" => object.sequence = Some(raw),
                        "occurred_at" => object.occurred_at = Some(raw),
                        _ => object.fields.push(key, raw),
                    }
                }
                Ok(object)
            }
        }
        deserializer.deserialize_map(ObjectVisitor)
    }
}
