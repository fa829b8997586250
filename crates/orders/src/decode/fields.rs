//! Checks on single fields.

use std::borrow::Cow;

use super::{Cause, MAX_ID_CHARS, Rejection};
use crate::EventType;
use crate::text::{self, Unfit};

/// Checks a field that has no member of its own in the decoder. Every value must fit into `jsonb`, and an
/// attribute that has a column must fit into the column.
pub(super) fn check_field(event: EventType, key: &str, raw: &str) -> Result<(), Rejection> {
    use EventType::{OrderCancelled, OrderCreated, OrderPaid, OrderShipped};
    text::check(raw).map_err(|unfit| match unfit {
        Unfit::Nul => Rejection::new(Cause::NulCharacter, format!("{key} contains a NUL character")),
        Unfit::TooDeep => {
            Rejection::new(Cause::OutOfRange, format!("{key} nests deeper than {} levels", text::MAX_DEPTH))
        }
        Unfit::HugeNumber => {
            Rejection::new(Cause::OutOfRange, format!("{key} holds a number outside the range of a double"))
        }
        Unfit::LoneSurrogate => {
            Rejection::new(Cause::BadJson, format!("{key} contains half of a surrogate pair"))
        }
    })?;
    if key.contains('\0') {
        return Err(Rejection::new(Cause::NulCharacter, "a field's name contains a NUL character"));
    }
    match (event, key) {
        (OrderCreated, "customer_id" | "restaurant_id" | "currency")
        | (OrderPaid, "payment_method")
        | (OrderShipped, "courier_id") => match optional_text(key, Some(raw))? {
            Some(id) if is_too_long(&id) => {
                let message = format!("{key} must have at most {MAX_ID_CHARS} characters");
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
            Err(Rejection::new(Cause::WrongType, "items must be a list"))
        }
        _ => Ok(()),
    }
}

/// Compares bytes first, so that the characters of a short text need not be counted.
pub(super) fn is_too_long(id: &str) -> bool {
    id.len() > MAX_ID_CHARS && id.chars().nth(MAX_ID_CHARS).is_some()
}

/// A field with the value null counts as missing.
pub(super) fn present(raw: Option<&str>) -> Option<&str> {
    raw.filter(|raw| *raw != "null")
}

pub(super) fn required_text<'a>(name: &str, raw: Option<&'a str>) -> Result<Cow<'a, str>, Rejection> {
    optional_text(name, raw)?.ok_or_else(|| Rejection::new(Cause::MissingField, format!("{name} is missing")))
}

pub(super) fn optional_text<'a>(name: &str, raw: Option<&'a str>) -> Result<Option<Cow<'a, str>>, Rejection> {
    let Some(raw) = present(raw) else { return Ok(None) };
    if !raw.starts_with('"') {
        return Err(Rejection::new(
            Cause::WrongType,
            format!("{name} must be a string, but is {}", shorten(raw)),
        ));
    }
    match text::string(raw) {
        None => Err(Rejection::new(Cause::BadJson, format!("{name} contains half of a surrogate pair"))),
        // Valid JSON always escapes a NUL, so a borrowed text contains none.
        Some(Cow::Owned(text)) if text.contains('\0') => {
            Err(Rejection::new(Cause::NulCharacter, format!("{name} contains a NUL character")))
        }
        text => Ok(text),
    }
}

pub(super) fn in_range(name: &str, raw: &str, least: i128, most: i128) -> Result<i128, Rejection> {
    let is_number = raw.starts_with(|first: char| first == '-' || first.is_ascii_digit());
    let is_integer = is_number && !raw.contains(['.', 'e', 'E']);
    if !is_integer {
        return Err(Rejection::new(
            Cause::WrongType,
            format!("{name} must be an integer, but is {}", shorten(raw)),
        ));
    }
    text::integer(raw).filter(|number| (least..=most).contains(number)).ok_or_else(|| {
        Rejection::new(
            Cause::OutOfRange,
            format!("{name} must be from {least} to {most}, but is {}", shorten(raw)),
        )
    })
}

/// The beginning of a text that a message quotes.
pub(super) fn shorten(raw: &str) -> Cow<'_, str> {
    match raw.char_indices().nth(40) {
        None => Cow::Borrowed(raw),
        Some((end, _)) => Cow::Owned(format!("{}…", &raw[..end])),
    }
}
