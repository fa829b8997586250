//! Dead letters: lists of them, and one by its id. Always as they are now: they cannot be read as of a cut.

use orders::record::{Headers, from_escaped};
use orders::{Cause, Offset, Partition, Record, Time};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::ReadError;
use super::reader::{Answer, Reader};
use super::rows::Page;
use super::source::Values;
use super::statement::{Kind, Statement};
use crate::apply::KEPT_BYTES;
use crate::dead_letters::DeadLetterId;
use crate::error::Error;
use crate::sql::Timestamptz;

/// Which dead letters to list. Without a condition, all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadLetterFilter {
    /// `open`, `retried` or `discarded`.
    pub state: Option<String>,
    pub cause: Option<Cause>,
    pub order_id: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    pub id: DeadLetterId,
    pub state: String,
    pub cause: String,
    pub error: String,
    pub order_id: Option<String>,
    /// Length of the value in the log.
    pub payload_bytes: i32,
    /// Names and values, escaped by [`orders::record::escape`]. If some are missing, the last entry is
    /// [`orders::record::CUT`].
    pub headers: Vec<(String, Option<String>)>,
    pub appended_at: Time,
    pub dead_lettered_at: Time,
    /// The decision that closed it.
    pub decision: Option<i64>,
    pub reason: Option<String>,
    pub decided_at: Option<Time>,
    /// `None`: not asked for.
    pub bytes: Option<DeadLetterBytes>,
}

/// The record's key and value, as far as they are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadLetterBytes {
    pub key: Option<Vec<u8>>,
    pub payload: Option<Vec<u8>>,
}

impl DeadLetter {
    fn of(row: &Row, with_bytes: bool) -> Result<Self, Error> {
        let time = |index| row.get::<_, Option<Timestamptz>>(index).map(|time| time.0);
        let id = DeadLetterId { partition: Partition(row.get(0)), offset: Offset(row.get(1)) };
        let headers = serde_json::from_value(row.get(7))
            .map_err(|error| Error::DamagedDeadLetter { id, cause: format!("column headers: {error}") })?;
        Ok(Self {
            id,
            state: row.get(2),
            cause: row.get(3),
            error: row.get(4),
            order_id: row.get(5),
            payload_bytes: row.get(6),
            headers,
            appended_at: row.get::<_, Timestamptz>(8).0,
            dead_lettered_at: row.get::<_, Timestamptz>(9).0,
            decision: row.get(10),
            reason: row.get(11),
            decided_at: time(12),
            bytes: with_bytes.then(|| DeadLetterBytes { key: row.get(13), payload: row.get(14) }),
        })
    }

    /// Whether the log has more of the value than is kept.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.payload().map_or(0, <[u8]>::len) < usize::try_from(self.payload_bytes).unwrap_or_default()
    }

    /// Whether the log has more of the key or of the headers than is kept.
    #[must_use]
    pub fn has_cut_envelope(&self) -> bool {
        let key = self.bytes.as_ref().and_then(|bytes| bytes.key.as_ref());
        key.is_some_and(|key| key.len() >= KEPT_BYTES) || from_escaped(&self.headers).is_none()
    }

    /// Whether everything that decoding reads is here as it is in the log.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.bytes.is_some() && !self.is_cut() && from_escaped(&self.headers).is_some()
    }

    fn payload(&self) -> Option<&[u8]> {
        self.bytes.as_ref()?.payload.as_deref()
    }

    /// The headers in the form in which a record has them, as far as they are kept.
    #[must_use]
    pub fn header_bytes(&self) -> Vec<u8> {
        from_escaped(&self.headers).unwrap_or_else(|| Headers::UNREADABLE.0.to_vec())
    }

    /// The record, reassembled; `headers` are the result of [`DeadLetter::header_bytes`].
    #[must_use]
    pub fn record<'a>(&'a self, headers: &'a [u8]) -> Record<'a> {
        Record {
            partition: self.id.partition,
            offset: self.id.offset,
            appended_millis: self.appended_at.as_millis(),
            key: self.bytes.as_ref().and_then(|bytes| bytes.key.as_deref()),
            value: self.payload(),
            headers: Headers(headers),
        }
    }

    /// Whether this is the record that the dead letter is about, as far as its value is kept.
    #[must_use]
    pub fn is_about(&self, record: &Record<'_>) -> bool {
        let length = record.value.map_or(0, <[u8]>::len);
        record.at().appended_at == self.appended_at
            && i64::from(self.payload_bytes) == length as i64
            && record.value.unwrap_or_default().starts_with(self.payload().unwrap_or_default())
    }
}

impl Reader {
    /// At most `limit` dead letters by partition and offset, beginning after `after`, fewer if they are large; with their
    /// keys and payloads if `with_bytes`.
    pub async fn dead_letters(
        &self,
        filter: &DeadLetterFilter,
        after: Option<DeadLetterId>,
        limit: i64,
        with_bytes: bool,
    ) -> Result<Answer<Page<DeadLetter>>, ReadError> {
        let cause = filter.cause.map(Cause::as_str);
        let (partition, offset) = after.map_or((-1, -1), |after| (after.partition.0, after.offset.0));
        let mut values = Values::of(None);
        let state = values.bind(&filter.state, Type::TEXT);
        let cause = values.bind(&cause, Type::TEXT);
        let order_id = values.bind(&filter.order_id, Type::TEXT);
        let partition = values.bind(&partition, Type::INT4);
        let offset = values.bind(&offset, Type::INT8);
        let one_more = limit.saturating_add(1);
        let places = values.bind(&one_more, Type::INT8);
        let bytes = bytes(with_bytes);
        let text = format!(
            "/* views::read::dead_letters::dead_letters */ SELECT {COLUMNS}, {bytes} {FROM}
             WHERE ({state}::text IS NULL OR l.state = {state}) AND ({cause}::text IS NULL OR l.cause = {cause})
                 AND ({order_id}::text IS NULL OR l.order_id = {order_id})
                 AND (l.partition, l.\"offset\") > ({partition}, {offset})
             ORDER BY l.partition, l.\"offset\" LIMIT {places}"
        );
        let statement = Statement { kind: Kind::Planned, text, values };
        let answer = self.read_of_any_version("reading dead letters", statement).await?;
        answer.try_map(|rows| rows.page(limit, |row| DeadLetter::of(row, with_bytes)))
    }

    /// One dead letter of the active build.
    pub async fn dead_letter(
        &self,
        id: DeadLetterId,
        with_bytes: bool,
    ) -> Result<Answer<Option<DeadLetter>>, ReadError> {
        let mut values = Values::of(None);
        let partition = values.bind(&id.partition.0, Type::INT4);
        let offset = values.bind(&id.offset.0, Type::INT8);
        let bytes = bytes(with_bytes);
        let text = format!(
            "/* views::read::dead_letters::dead_letter */ SELECT {COLUMNS}, {bytes} {FROM} WHERE l.partition = {partition} AND l.\"offset\" = {offset}"
        );
        let kind = if with_bytes { Kind::LargePoint } else { Kind::Point };
        let statement = Statement { kind, text, values };
        let answer = self.read_of_any_version("reading a dead letter", statement).await?;
        let dead_letter = answer.value.first().map(|row| DeadLetter::of(row, with_bytes)).transpose()?;
        Ok(answer.map(|_| dead_letter))
    }
}

const COLUMNS: &str = "l.partition, l.\"offset\", l.state, l.cause, l.error, l.order_id, l.payload_bytes, l.headers, \
     l.appended_at, l.dead_lettered_at, l.decision, d.reason, d.decided_at";
const FROM: &str = "FROM {build}.dead_letters l LEFT JOIN public.decisions d ON d.id = l.decision";

fn bytes(wanted: bool) -> &'static str {
    if wanted { "l.key, l.payload" } else { "NULL::bytea, NULL::bytea" }
}
