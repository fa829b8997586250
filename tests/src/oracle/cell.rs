//! One value of one row, from the log or from a table.

use std::borrow::Cow;
use std::fmt;

use serde_json::Value;
use tokio_postgres::Row;

use super::event::TYPES;
use super::instant::{self, Micros};
use super::json;

#[derive(Clone, Debug, PartialEq)]
pub enum Cell<'a> {
    Null,
    Integer(i64),
    /// Microseconds since 1970.
    Time(i64),
    Text(Cow<'a, str>),
    /// In canonical form.
    Json(Cow<'a, str>),
    Bytes(Cow<'a, [u8]>),
}

/// The type of a column.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    Int,
    BigInt,
    Time,
    Text,
    /// A code that stands for an event type.
    Event,
    /// The code of the event that leads to a status.
    Status,
    Uuid,
    /// A `jsonb`.
    Json,
    /// A text of JSON.
    JsonText,
    /// The members of a JSON object, without its braces.
    Members,
    Bytes,
}

/// A column's name and its type.
pub type Column = (&'static str, Kind);

/// The columns, for a `SELECT`.
pub fn names(columns: &[Column]) -> String {
    let column = |(name, kind): &Column| match kind {
        Kind::Event | Kind::Status | Kind::Uuid => format!("\"{name}\"::text"),
        _ => format!("\"{name}\""),
    };
    columns.iter().map(column).collect::<Vec<_>>().join(", ")
}

impl<'a> Cell<'a> {
    pub fn of_row(row: &'a Row, index: usize, kind: Kind) -> Result<Self, tokio_postgres::Error> {
        Ok(match kind {
            Kind::Int => row.try_get::<_, Option<i32>>(index)?.map(|integer| Self::Integer(integer.into())),
            Kind::BigInt => row.try_get::<_, Option<i64>>(index)?.map(Self::Integer),
            Kind::Time => row.try_get::<_, Option<Micros>>(index)?.map(|micros| Self::Time(micros.0)),
            Kind::Text | Kind::Uuid => row.try_get::<_, Option<&str>>(index)?.map(Self::text),
            Kind::Event | Kind::Status => {
                row.try_get::<_, Option<&str>>(index)?.map(|code| Self::of_code(code, kind))
            }
            Kind::Json => row.try_get::<_, Option<Value>>(index)?.map(Self::json),
            Kind::JsonText => row.try_get::<_, Option<&str>>(index)?.map(Self::json_text),
            Kind::Members => row
                .try_get::<_, Option<&str>>(index)?
                .map(|members| Self::json_text(&format!("{{{members}}}"))),
            Kind::Bytes => row.try_get::<_, Option<&[u8]>>(index)?.map(|bytes| Self::Bytes(bytes.into())),
        }
        .unwrap_or(Self::Null))
    }

    /// A value of an answer of the API, where an order without details has an empty object.
    pub fn of_answer(value: &Value, kind: Kind) -> Self {
        match (value, kind) {
            (Value::Null, _) => Self::Null,
            (Value::Object(fields), Kind::Members) if fields.is_empty() => Self::Null,
            (value, Kind::Members) => Self::json(value.clone()),
            (Value::Number(number), Kind::Int | Kind::BigInt) if number.is_i64() => {
                Self::Integer(number.as_i64().unwrap_or_default())
            }
            (Value::String(text), Kind::Time) => match instant::parse(text) {
                Some(micros) => Self::Time(micros),
                None => Self::Text(text.clone().into()),
            },
            (Value::String(text), Kind::Text | Kind::Status) => Self::Text(text.clone().into()),
            (other, _) => Self::Text(format!("{other} (of the wrong type)").into()),
        }
    }

    pub fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self::Text(text.into())
    }

    pub fn json(value: Value) -> Self {
        Self::Json(json::canonical(value).into())
    }

    fn json_text(text: &str) -> Self {
        match serde_json::from_str(text) {
            Ok(value) => Self::json(value),
            Err(error) => Self::text(format!("{text}, which is no JSON: {error}")),
        }
    }

    fn of_code(code: &str, kind: Kind) -> Self {
        match (TYPES.iter().find(|one| one.code == code), kind) {
            (Some(one), Kind::Status) => Self::text(one.status),
            (Some(one), _) => Self::text(one.name),
            (None, _) => Self::text(format!("{code}, which stands for no event")),
        }
    }
}

impl fmt::Display for Cell<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("NULL"),
            Self::Integer(integer) => integer.fmt(f),
            Self::Time(micros) => f.write_str(&instant::print(*micros)),
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Json(text) => f.write_str(text),
            Self::Bytes(bytes) => write!(f, "{:?}", String::from_utf8_lossy(bytes)),
        }
    }
}
