//! A record's JSON object, and the event that it means.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::fields::{check_field, in_range, is_too_long, optional_text, present, required_text, shorten};
use super::{Cause, Decoded, MAX_ID_CHARS, Rejection};
use crate::event::UnknownEvent;
use crate::key::Key;
use crate::{EventType, Fact, Fields, LogOrder, OrderId, Status, Time};

/// The top level of a record's value: the raw text of each field.
#[derive(Default)]
pub(super) struct Object<'a> {
    event: Option<&'a str>,
    pub(super) order_id: Option<&'a str>,
    status: Option<&'a str>,
    event_id: Option<&'a str>,
    sequence: Option<&'a str>,
    occurred_at: Option<&'a str>,
    fields: Fields<'a>,
}

impl<'a> Object<'a> {
    pub(super) fn interpret(self, at: LogOrder) -> Result<Decoded<'a>, Rejection> {
        let order_id = required_text("order_id", self.order_id)?;
        OrderId::check(&order_id).map_err(|error| Rejection::new(Cause::OutOfRange, error.to_string()))?;
        let event: EventType = shorten(&required_text("event", self.event)?)
            .parse()
            .map_err(|error: UnknownEvent| Rejection::new(Cause::UnknownEvent, error.to_string()))?;
        self.check_status(event)?;
        let event_id = optional_text("event_id", self.event_id)?;
        if let Some(id) = &event_id
            && (id.is_empty() || is_too_long(id))
        {
            let message = format!("event_id must have 1 to {MAX_ID_CHARS} characters");
            return Err(Rejection::new(Cause::OutOfRange, message));
        }
        let sequence = match present(self.sequence) {
            None => event.rank(),
            Some(raw) => in_range("sequence", raw, 1, i128::from(i32::MAX))? as i32,
        };
        let occurred_at = match optional_text("occurred_at", self.occurred_at)? {
            None => at.appended_at,
            Some(text) => shorten(&text)
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
        let text = shorten(&text);
        let message = format!("status is {text:?}, but {event} makes an order {:?}", event.status().as_str());
        Err(Rejection::new(Cause::StatusContradictsEvent, message))
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
