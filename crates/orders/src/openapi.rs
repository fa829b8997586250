//! How the domain's types look in an OpenAPI document. Only the feature `openapi` compiles this.

use std::borrow::Cow;

use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{KnownFormat, RefOr, Schema, SchemaFormat};
use utoipa::{PartialSchema, ToSchema};

use crate::{Cause, EventType, OrderId, Status, Time};

/// A text that is one of a few words.
fn one_of<const N: usize>(description: &str, words: [&'static str; N]) -> RefOr<Schema> {
    let schema = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words));
    schema.description(Some(description)).build().into()
}

impl PartialSchema for Time {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .description(Some("An RFC 3339 time in UTC, to the microsecond."))
            .examples(["2026-11-21T18:04:05.123Z"])
            .build()
            .into()
    }
}

impl PartialSchema for OrderId {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .min_length(Some(1))
            .max_length(Some(Self::MAX_CHARS))
            .pattern(Some("^[^\\u0000]+$"))
            .description(Some("The identifier of an order: 1 to 128 characters, none of them NUL."))
            .examples(["ORD-000123"])
            .build()
            .into()
    }
}

impl PartialSchema for Status {
    fn schema() -> RefOr<Schema> {
        one_of("The status of an order.", Self::ALL.map(Self::as_str))
    }
}

impl PartialSchema for EventType {
    fn schema() -> RefOr<Schema> {
        one_of("What happened to an order.", Self::ALL.map(Self::as_str))
    }
}

impl PartialSchema for Cause {
    fn schema() -> RefOr<Schema> {
        one_of(
            "Why a record could not be applied; docs/events.md explains each cause.",
            Self::ALL.map(Self::as_str),
        )
    }
}

impl ToSchema for Time {
    fn name() -> Cow<'static, str> {
        "Time".into()
    }
}

impl ToSchema for OrderId {
    fn name() -> Cow<'static, str> {
        "OrderId".into()
    }
}

impl ToSchema for Status {
    fn name() -> Cow<'static, str> {
        "OrderStatus".into()
    }
}

impl ToSchema for EventType {
    fn name() -> Cow<'static, str> {
        "EventType".into()
    }
}

impl ToSchema for Cause {
    fn name() -> Cow<'static, str> {
        "DeadLetterCause".into()
    }
}
