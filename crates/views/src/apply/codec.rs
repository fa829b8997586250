//! How records are decoded: the settings, and the schemas that are known.

use std::sync::Arc;

use orders::decode::Envelope;
use orders::{Decoded, Record, Rejection, SchemaId, Schemas, Texts, decode_with};
use settings::{Invalid, whole_number};

use crate::decisions::Decisions;
use crate::schemas::KnownSchemas;

/// What one decoder may translate, unless a single record has more: twice what a consumer reads at a time.
const MAX_TEXT_BYTES: usize = 16 << 20;

/// What decoding needs to know.
#[derive(Clone, Debug)]
pub struct Codec {
    /// Part of the event ids that are derived for events without one.
    pub topic: String,
    /// Larger records become dead letters, and so do values that are larger than this as JSON. In bytes.
    pub max_record_bytes: usize,
    /// Clones share them.
    pub schemas: KnownSchemas,
}

impl Codec {
    #[must_use]
    pub fn new(topic: &str, max_record_bytes: usize) -> Self {
        Self { topic: topic.to_owned(), max_record_bytes, schemas: KnownSchemas::default() }
    }

    /// `max_record_bytes` is the text of that setting.
    pub fn validate(topic: &str, max_record_bytes: &str) -> Result<Self, Invalid> {
        let bytes = whole_number("MAX_RECORD_BYTES", max_record_bytes, 1, 100_000_000)?;
        Ok(Self::new(topic, bytes as usize))
    }

    /// The same settings, with schemas of its own.
    #[must_use]
    pub fn apart(&self) -> Self {
        Self::new(&self.topic, self.max_record_bytes)
    }

    /// For the records of one batch.
    #[must_use]
    pub fn decoder(&self) -> Decoder {
        Decoder { schemas: self.schemas.now(), codec: self.clone(), texts: Texts::default() }
    }
}

/// Decodes the records of one batch with the schemas that were known when it was made, and holds the memory of what
/// it has translated.
#[derive(Debug)]
pub struct Decoder {
    codec: Codec,
    schemas: Arc<Schemas>,
    texts: Texts,
}

impl Decoder {
    #[must_use]
    pub fn topic(&self) -> &str {
        &self.codec.topic
    }

    /// The schema that has to be asked for before this record can be decoded.
    #[inline]
    #[must_use]
    pub fn missing(&self, record: &Record<'_>, decisions: &Decisions) -> Option<SchemaId> {
        decisions.missing_schema(&self.schemas, record)
    }

    /// Whether no more records should be decoded as long as those that were are in use.
    #[inline]
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.texts.bytes() > MAX_TEXT_BYTES
    }

    /// Frees what was translated, if that is much.
    pub fn make_room(&mut self) {
        if self.is_full() {
            self.texts = Texts::default();
        }
    }

    /// By the size limit of the codec.
    pub fn decode<'a>(&'a self, record: &Record<'a>) -> Result<Decoded<'a>, Rejection> {
        self.decode_up_to(self.codec.max_record_bytes, record)
    }

    pub(crate) fn decode_up_to<'a>(
        &'a self,
        max_bytes: usize,
        record: &Record<'a>,
    ) -> Result<Decoded<'a>, Rejection> {
        decode_with(&self.schemas, &self.texts, envelope(record, max_bytes), record.value)
    }
}

/// What [`orders::decode()`] needs to know about a record besides its value; `max_bytes` is the size limit.
#[must_use]
pub fn envelope<'a>(record: &Record<'a>, max_bytes: usize) -> Envelope<'a> {
    let key_bytes = record.key.map_or(0, <[u8]>::len);
    Envelope { at: record.at(), key_bytes, headers: record.headers, max_bytes }
}
