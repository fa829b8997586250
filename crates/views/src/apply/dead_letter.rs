//! A record that cannot be applied, on its way into table `dead_letters`.

use orders::record::to_escaped;
use orders::{Record, Rejection, Time};
use serde_json::Value;
use tokio_postgres::Client;

use crate::Build;
use crate::decisions::{Decided, Verdict};
use crate::error::{Error, Result};
use crate::sql::{Timestamptz, for_build};

/// How much of a key, of a value and of all headers together is kept, in bytes. All of it is in the log.
pub const KEPT_BYTES: usize = 64 * 1024;

#[derive(Debug)]
pub(crate) struct NewDeadLetter<'a> {
    pub(crate) record: Record<'a>,
    pub(crate) rejection: Rejection,
    /// How many records of its batch precede it.
    pub(crate) records_before: usize,
    /// `None`: it is open.
    pub(crate) closed: Option<Closed>,
    /// Whether its texts are reduced to ASCII: the last resort if PostgreSQL refuses the row.
    pub(crate) is_reduced: bool,
}

/// How a dead letter was decided about before its record came to this build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Closed {
    pub verdict: Verdict,
    pub decision: i64,
}

impl<'a> NewDeadLetter<'a> {
    pub(crate) fn open(record: Record<'a>, rejection: Rejection) -> Self {
        Self { record, rejection, records_before: 0, closed: None, is_reduced: false }
    }

    /// A dead letter as it was when it was decided about, so that reads of the past answer the same
    /// after a rebuild.
    pub(crate) fn closed(record: Record<'a>, decided: &Decided) -> Self {
        let closed = Closed { verdict: decided.verdict, decision: decided.id };
        Self { closed: Some(closed), ..Self::open(record, decided.dead_letter.clone()) }
    }
}

/// The columns of a row that follow from the record and from why it was rejected.
#[derive(Debug, PartialEq)]
pub(crate) struct Columns {
    pub(crate) error: String,
    pub(crate) order_id: Option<String>,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) payload: Option<Vec<u8>>,
    pub(crate) payload_bytes: i32,
    pub(crate) headers: Value,
    pub(crate) appended_at: Time,
}

impl Columns {
    pub(crate) fn of(record: &Record<'_>, rejection: &Rejection, is_reduced: bool) -> Self {
        let text = |text: &str| if is_reduced { ascii(text) } else { without_nul(text) };
        let kept = |bytes: &'_ [u8]| bytes[..bytes.len().min(KEPT_BYTES)].to_vec();
        let mut headers = to_escaped(record.headers, KEPT_BYTES);
        if is_reduced {
            for (name, value) in &mut headers {
                *name = ascii(name);
                *value = value.as_deref().map(ascii);
            }
        }
        Self {
            error: text(&rejection.message),
            order_id: rejection.order_id.as_deref().map(text),
            key: record.key.map(kept),
            payload: record.value.map(kept),
            payload_bytes: record.value.map_or(0, <[u8]>::len) as i32,
            headers: serde_json::json!(headers),
            appended_at: record.at().appended_at,
        }
    }
}

/// Inserts one dead letter, in the transaction that the session has open.
pub(super) async fn insert(client: &Client, build: Build, dead_letter: &NewDeadLetter<'_>) -> Result<()> {
    let NewDeadLetter { record, rejection, closed, is_reduced, .. } = dead_letter;
    let columns = Columns::of(record, rejection, *is_reduced);
    let statement = for_build(
        "/* views::apply::dead_letter::insert */ INSERT INTO {build}.dead_letters
             (partition, \"offset\", cause, error, order_id, key, payload, payload_bytes, headers, appended_at, state,
              decision)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        build,
    );
    client
        .execute(
            &statement,
            &[
                &record.partition.0,
                &record.offset.0,
                &rejection.cause.as_str(),
                &columns.error,
                &columns.order_id,
                &columns.key,
                &columns.payload,
                &columns.payload_bytes,
                &columns.headers,
                &Timestamptz(columns.appended_at),
                &closed.map_or("open", |closed| closed.verdict.state()),
                &closed.map(|closed| closed.decision),
            ],
        )
        .await
        .map_err(Error::during("writing a dead letter"))?;
    Ok(())
}

/// PostgreSQL's text cannot hold NUL characters.
fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// A text as printable ASCII, with every other character as Rust escapes it, such as `\u{e9}`.
fn ascii(text: &str) -> String {
    text.chars()
        .map(
            |c| if c == ' ' || c.is_ascii_graphic() { c.to_string() } else { c.escape_unicode().to_string() },
        )
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reduced_texts_are_printable() {
        assert_eq!(ascii("a \"é\"\n\0"), r#"a "\u{e9}"\u{a}\u{0}"#);
    }
}
