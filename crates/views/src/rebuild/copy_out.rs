//! Rows as they come out of a binary COPY.

use std::pin::Pin;

use bytes::{Buf, Bytes};
use futures_util::TryStreamExt;
use orders::Time;
use tokio_postgres::CopyOutStream;

use crate::apply::copy::HEADER;
use crate::error::{Error, Result};
use crate::session::Session;

/// The rows of one `COPY … TO STDOUT (FORMAT binary)`. PostgreSQL sends each in a
/// message of its own.
pub(super) struct CopyRows {
    stream: Pin<Box<CopyOutStream>>,
    attempt: &'static str,
    begun: bool,
}

impl CopyRows {
    /// The columns of `query`, which has no parameters.
    pub(super) async fn open(session: &Session, attempt: &'static str, query: &str) -> Result<Self> {
        let statement = format!("COPY ({query}) TO STDOUT (FORMAT binary)");
        let stream = session.client.copy_out(&statement).await.map_err(Error::during(attempt))?;
        Ok(Self { stream: Box::pin(stream), attempt, begun: false })
    }

    /// The next row, for a [`Columns`].
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>> {
        while let Some(mut message) = self.stream.try_next().await.map_err(Error::during(self.attempt))? {
            if !self.begun {
                // Signature, flags, length of the extension.
                if message.len() < HEADER.len() + 8 || !message.starts_with(HEADER) {
                    return Err(malformed());
                }
                message.advance(HEADER.len() + 8);
                self.begun = true;
            }
            if message.is_empty() {
                continue;
            }
            if message.remaining() < 2 {
                return Err(malformed());
            }
            // −1 ends the rows; the statement's end follows.
            if message.get_i16() >= 0 {
                return Ok(Some(message));
            }
        }
        Ok(None)
    }
}

/// The columns of one row, read in their order.
pub(super) struct Columns<'a>(&'a [u8]);

impl<'a> Columns<'a> {
    pub(super) fn of(row: &'a Bytes) -> Self {
        Self(row)
    }

    fn value(&mut self) -> Result<Option<&'a [u8]>> {
        let (len, rest) = self.0.split_first_chunk::<4>().ok_or_else(malformed)?;
        let Ok(len) = usize::try_from(i32::from_be_bytes(*len)) else {
            self.0 = rest;
            return Ok(None);
        };
        let (value, rest) = rest.split_at_checked(len).ok_or_else(malformed)?;
        self.0 = rest;
        Ok(Some(value))
    }

    fn fixed<const N: usize>(&mut self) -> Result<Option<[u8; N]>> {
        self.value()?.map(|value| value.try_into().map_err(|_| malformed())).transpose()
    }

    pub(super) fn text_or_null(&mut self) -> Result<Option<&'a str>> {
        self.value()?.map(|value| std::str::from_utf8(value).map_err(|_| malformed())).transpose()
    }

    pub(super) fn text(&mut self) -> Result<&'a str> {
        self.text_or_null()?.ok_or_else(malformed)
    }

    pub(super) fn i32(&mut self) -> Result<i32> {
        self.fixed()?.map(i32::from_be_bytes).ok_or_else(malformed)
    }

    pub(super) fn i64_or_null(&mut self) -> Result<Option<i64>> {
        Ok(self.fixed()?.map(i64::from_be_bytes))
    }

    pub(super) fn i64(&mut self) -> Result<i64> {
        self.i64_or_null()?.ok_or_else(malformed)
    }

    pub(super) fn time_or_null(&mut self) -> Result<Option<Time>> {
        Ok(self.i64_or_null()?.map(Time::from_postgres))
    }

    pub(super) fn time(&mut self) -> Result<Time> {
        self.time_or_null()?.ok_or_else(malformed)
    }
}

fn malformed() -> Error {
    Error::Unusable("PostgreSQL sent a COPY stream that this program cannot read".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_come_in_their_order_and_may_be_null() {
        let mut row = bytes::BytesMut::new();
        crate::apply::copy::put_i32(&mut row, 7);
        crate::apply::copy::put_null(&mut row);
        crate::apply::copy::put_text(&mut row, "é");
        let row = row.freeze();
        let mut columns = Columns::of(&row);
        assert_eq!(columns.i32().unwrap(), 7);
        assert_eq!(columns.text_or_null().unwrap(), None);
        assert_eq!(columns.text().unwrap(), "é");
        assert!(columns.i64().is_err(), "there is no fourth column");
    }

    #[test]
    fn a_value_of_another_length_is_no_number() {
        let mut row = bytes::BytesMut::new();
        crate::apply::copy::put_i32(&mut row, 7);
        assert!(Columns::of(&row.freeze()).i64().is_err());
    }
}
