//! Decoding: a record's bytes become an event, or a rejection that says why not.
//!
//! The decoder is lenient where a hand-typed event is short (section "The minimal form" of
//! docs/events.md), and strict where a wrong value would end up in a table.

pub(crate) mod cause;
mod fields;
mod object;

use std::borrow::Cow;

use crate::record::Headers;
use crate::schema::{Framed, Schemas, Texts};
use crate::{Fact, LogOrder, OrderId, text};

pub use cause::{Cause, MAX_MESSAGE_BYTES, Rejection, UnknownCause};
use fields::shorten;
use object::Object;

/// The highest `schema-version` header that this version reads.
pub const MAX_SCHEMA_VERSION: u32 = 1;

/// The maximum length of an identifier, in characters; `order_id` and `event_id` have at least 1.
/// An identifier with a column may be part of an index, and PostgreSQL refuses index entries of more
/// than a few kilobytes.
pub const MAX_ID_CHARS: usize = OrderId::MAX_CHARS;

/// As much of a header as a message may quote, with some to spare.
const MAX_QUOTED_BYTES: usize = 200;

/// One event of one order, borrowed from the record's bytes.
#[derive(Clone, Debug)]
pub struct Decoded<'a> {
    pub order_id: Cow<'a, str>,
    /// `None`: it is derived from the topic, the partition and the offset.
    pub event_id: Option<Cow<'a, str>>,
    pub fact: Fact<'a>,
}

/// What decoding needs besides the record's value.
#[derive(Clone, Copy, Debug)]
pub struct Envelope<'a> {
    pub at: LogOrder,
    /// The length of the record's key; 0 without one.
    pub key_bytes: usize,
    pub headers: Headers<'a>,
    /// A record whose key, value and headers have more bytes than this together is rejected without being
    /// read, and so is a value that has more bytes than this as JSON.
    pub max_bytes: usize,
}

/// Decodes one record, whose value has to be plain JSON. `value` is `None` for a tombstone.
pub fn decode<'a>(envelope: Envelope<'_>, value: Option<&'a [u8]>) -> Result<Decoded<'a>, Rejection> {
    decode_by(envelope, value, |framed| Err(Schemas::no_registry(framed)))
}

/// Decodes one record, whose value may have been written with one of the schemas. Its schema must have been asked for if
/// [`Schemas::missing`] names it. What has to be translated is kept in `texts`.
pub fn decode_with<'a>(
    schemas: &Schemas,
    texts: &'a Texts,
    envelope: Envelope<'_>,
    value: Option<&'a [u8]>,
) -> Result<Decoded<'a>, Rejection> {
    decode_by(envelope, value, |framed| schemas.read(framed, texts, envelope.max_bytes))
}

fn decode_by<'a>(
    envelope: Envelope<'_>,
    value: Option<&'a [u8]>,
    read_framed: impl FnOnce(Framed<'a>) -> Result<&'a [u8], Rejection>,
) -> Result<Decoded<'a>, Rejection> {
    let value = value.unwrap_or_default();
    if value.is_empty() {
        return Err(Rejection::new(Cause::EmptyValue, "the record has no value"));
    }
    check_size(envelope, value)?;
    check_schema_version(envelope.headers.get("schema-version"))?;
    let value = match Framed::of(value) {
        None => value,
        Some(framed) => read_framed(framed)?,
    };
    let json = std::str::from_utf8(value)
        .map_err(|error| Rejection::new(Cause::BadJson, format!("the value is not valid UTF-8: {error}")))?;
    let object: Object<'a> = serde_json::from_str(json).map_err(|error| {
        // Valid JSON never contains a NUL, so only a value that cannot be parsed is searched for one.
        if json.contains('\0') {
            return Rejection::new(Cause::NulCharacter, "the value contains a NUL character");
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

fn check_size(envelope: Envelope<'_>, value: &[u8]) -> Result<(), Rejection> {
    let Envelope { key_bytes, headers, max_bytes, .. } = envelope;
    if !headers.are_readable() {
        let message = "the record has more headers than can be read (100000), or damaged ones";
        return Err(Rejection::new(Cause::TooLarge, message));
    }
    let (value_bytes, header_bytes) = (value.len(), headers.size());
    // None of the three comes near the limits of the type.
    let bytes = key_bytes + value_bytes + header_bytes;
    if bytes <= max_bytes {
        return Ok(());
    }
    let message = format!(
        "the record has {bytes} bytes (key {key_bytes}, value {value_bytes}, headers {header_bytes}); the limit is \
         {max_bytes}"
    );
    Err(Rejection::new(Cause::TooLarge, message))
}

fn check_schema_version(header: Option<&[u8]>) -> Result<(), Rejection> {
    let Some(header) = header else { return Ok(()) };
    let version = std::str::from_utf8(header).ok().and_then(|text| text.trim().parse::<u32>().ok());
    match version {
        Some(1..=MAX_SCHEMA_VERSION) => Ok(()),
        _ => Err(Rejection::new(
            Cause::UnknownSchemaVersion,
            format!(
                "schema-version is {:?}; this version reads 1 to {MAX_SCHEMA_VERSION}",
                shorten(&String::from_utf8_lossy(&header[..header.len().min(MAX_QUOTED_BYTES)]))
            ),
        )),
    }
}
