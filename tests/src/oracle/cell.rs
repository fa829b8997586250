//! One value of one row, from the log or from a table.

use std::borrow::Cow;
use std::fmt;

use serde_json::Value;
use tokio_postgres::Row;

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
    Json,
    Bytes,
}

/// A column's name and its type.
pub type Column = (&'static str, Kind);

/// The columns' names, quoted, for a `SELECT`.
pub fn names(columns: &[Column]) -> String {
    columns.iter().map(|(name, _)| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
}

impl<'a> Cell<'a> {
    pub fn of_row(row: &'a Row, index: usize, kind: Kind) -> Result<Self, tokio_postgres::Error> {
        Ok(match kind {
            Kind::Int => row.try_get::<_, Option<i32>>(index)?.map(|integer| Self::Integer(integer.into())),
            Kind::BigInt => row.try_get::<_, Option<i64>>(index)?.map(Self::Integer),
            Kind::Time => row.try_get::<_, Option<Micros>>(index)?.map(|micros| Self::Time(micros.0)),
            Kind::Text => row.try_get::<_, Option<&str>>(index)?.map(Self::text),
            Kind::Json => row.try_get::<_, Option<Value>>(index)?.map(Self::json),
            Kind::Bytes => row.try_get::<_, Option<&[u8]>>(index)?.map(|bytes| Self::Bytes(bytes.into())),
        }
        .unwrap_or(Self::Null))
    }

    /// A value of an answer of the API, where an order without details has an empty object.
    pub fn of_answer(value: &Value, kind: Kind) -> Self {
        match (value, kind) {
            (Value::Null, _) => Self::Null,
            (Value::Object(fields), Kind::Json) if fields.is_empty() => Self::Null,
            (value, Kind::Json) => Self::json(value.clone()),
            (Value::Number(number), Kind::Int | Kind::BigInt) if number.is_i64() => {
                Self::Integer(number.as_i64().unwrap_or_default())
            }
            (Value::String(text), Kind::Time) => match instant::parse(text) {
                Some(micros) => Self::Time(micros),
                None => Self::Text(text.clone().into()),
            },
            (Value::String(text), Kind::Text) => Self::Text(text.clone().into()),
            (other, _) => Self::Text(format!("{other} (of the wrong type)").into()),
        }
    }

    pub fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self::Text(text.into())
    }

    pub fn json(value: Value) -> Self {
        Self::Json(json::canonical(value).into())
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
