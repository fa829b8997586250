//! Rows out of a binary COPY.

use std::pin::Pin;

use bytes::{Buf, Bytes};
use futures_util::TryStreamExt;
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
    /// Begins to read the rows of `query`, which cannot have parameters.
    pub(super) async fn open(session: &Session, attempt: &'static str, query: &str) -> Result<Self> {
        let statement =
            format!("/* views::rebuild::copy_out::open */ COPY ({query}) TO STDOUT (FORMAT binary)");
        let stream = session.client.copy_out(&statement).await.map_err(Error::during(attempt))?;
        Ok(Self { stream: Box::pin(stream), attempt, begun: false })
    }

    /// The next row, for [`crate::row_values::RowValues::of_copy`].
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>> {
        while let Some(mut message) = self.stream.try_next().await.map_err(Error::during(self.attempt))? {
            if !self.begun {
                // Signature, flags, and the length of the extension, which is 0.
                if message.len() < HEADER.len() + 8 || !message.starts_with(HEADER) {
                    return Err(Error::UnreadableRow);
                }
                message.advance(HEADER.len() + 8);
                self.begun = true;
            }
            if message.is_empty() {
                continue;
            }
            if message.remaining() < 2 {
                return Err(Error::UnreadableRow);
            }
            // −1 in place of the number of columns is the trailer.
            if message.get_i16() >= 0 {
                return Ok(Some(message));
            }
        }
        Ok(None)
    }
}
