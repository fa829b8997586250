//! The values of one row in PostgreSQL's binary form, which a query and a binary COPY share: so one
//! decoder per table serves both.

use bytes::Bytes;
use orders::Time;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Type};
use uuid::Uuid;

use crate::error::{Error, Result};

/// Reads a row's values in the order of its columns.
pub(crate) enum RowValues<'a> {
    Query {
        row: &'a Row,
        next: usize,
    },
    /// What is left of the row: each value follows its length.
    Copy(&'a [u8]),
}

impl<'a> RowValues<'a> {
    pub(crate) fn of_query(row: &'a Row) -> Self {
        Self::Query { row, next: 0 }
    }

    /// `row` lacks the number of columns that begins it in the stream.
    pub(crate) fn of_copy(row: &'a Bytes) -> Self {
        Self::Copy(row)
    }

    fn value(&mut self) -> Result<Option<&'a [u8]>> {
        match self {
            Self::Query { row, next } => {
                let value: Option<Raw<'a>> = row.try_get(*next).map_err(|_| Error::UnreadableRow)?;
                *next += 1;
                Ok(value.map(|Raw(bytes)| bytes))
            }
            Self::Copy(left) => {
                let (length, rest) = left.split_first_chunk::<4>().ok_or_else(unreadable)?;
                // A null has the length -1.
                let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else {
                    *left = rest;
                    return Ok(None);
                };
                let (value, rest) = rest.split_at_checked(length).ok_or_else(unreadable)?;
                *left = rest;
                Ok(Some(value))
            }
        }
    }

    fn fixed<const N: usize>(&mut self) -> Result<Option<[u8; N]>> {
        self.value()?.map(|value| value.try_into().map_err(|_| Error::UnreadableRow)).transpose()
    }

    pub(crate) fn text_or_null(&mut self) -> Result<Option<&'a str>> {
        self.value()?.map(utf8).transpose()
    }

    pub(crate) fn text(&mut self) -> Result<&'a str> {
        self.text_or_null()?.ok_or_else(unreadable)
    }

    /// A `"char"`.
    pub(crate) fn code(&mut self) -> Result<u8> {
        let [code] = self.fixed()?.ok_or_else(unreadable)?;
        Ok(code)
    }

    pub(crate) fn uuid_or_null(&mut self) -> Result<Option<Uuid>> {
        Ok(self.fixed()?.map(Uuid::from_bytes))
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8]> {
        self.value()?.ok_or_else(unreadable)
    }

    pub(crate) fn bool(&mut self) -> Result<bool> {
        Ok(self.fixed()?.ok_or_else(unreadable)? != [0])
    }

    pub(crate) fn i32(&mut self) -> Result<i32> {
        self.fixed()?.map(i32::from_be_bytes).ok_or_else(unreadable)
    }

    pub(crate) fn i64_or_null(&mut self) -> Result<Option<i64>> {
        Ok(self.fixed()?.map(i64::from_be_bytes))
    }

    pub(crate) fn i64(&mut self) -> Result<i64> {
        self.i64_or_null()?.ok_or_else(unreadable)
    }

    pub(crate) fn time_or_null(&mut self) -> Result<Option<Time>> {
        Ok(self.i64_or_null()?.map(Time::from_postgres))
    }

    pub(crate) fn time(&mut self) -> Result<Time> {
        self.time_or_null()?.ok_or_else(unreadable)
    }
}

/// In a function of its own, so that reading a value does not make an error that is not needed.
#[cold]
fn unreadable() -> Error {
    Error::UnreadableRow
}

fn utf8(value: &[u8]) -> Result<&str> {
    std::str::from_utf8(value).map_err(|_| Error::UnreadableRow)
}

/// A value of any type, as it came.
struct Raw<'a>(&'a [u8]);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(raw))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::*;
    use crate::apply::copy::{put_i32, put_null, put_text};

    #[test]
    fn values_come_in_their_order_and_may_be_null() {
        let mut row = BytesMut::new();
        put_i32(&mut row, 7);
        put_null(&mut row);
        put_text(&mut row, "é");
        let row = row.freeze();
        let mut values = RowValues::of_copy(&row);
        assert_eq!(values.i32().unwrap(), 7);
        assert_eq!(values.text_or_null().unwrap(), None);
        assert_eq!(values.text().unwrap(), "é");
        assert!(values.i64().is_err(), "there is no fourth column");
    }

    #[test]
    fn a_value_of_another_length_is_not_a_number() {
        let mut row = BytesMut::new();
        put_i32(&mut row, 7);
        assert!(RowValues::of_copy(&row.freeze()).i64().is_err());
    }
}
