//! Schemas of a schema registry: which of them are known, and the JSON of a value that was written with one.
//!
//! Serializers that use a registry put a zero byte and the four bytes of the schema's id before the value (Confluent's
//! wire format). Nothing here asks a registry: the caller does that first, and passes in the answers.

mod avro;
pub mod order_event;

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use crate::decode::cause::{Cause, Rejection};
use avro::AvroReader;

/// With this begins the message of a value that cannot be read because there is no registry.
pub const FRAMED_MESSAGE: &str = "the value begins with the framing of a schema registry";

/// As many ids as a message lists.
const LISTED: usize = 5;

/// The id that the registry has given to a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SchemaId(pub u32);

impl fmt::Display for SchemaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl SchemaId {
    /// Ids for a message, which names some of them if they are many.
    #[must_use]
    pub fn list(ids: &BTreeSet<Self>) -> String {
        let first: Vec<_> = ids.iter().take(LISTED).map(Self::to_string).collect();
        match ids.len() - first.len() {
            0 => first.join(", "),
            more => format!("{} and {more} more", first.join(", ")),
        }
    }
}

/// A value behind its framing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Framed<'a> {
    pub(crate) id: SchemaId,
    pub(crate) payload: &'a [u8],
}

impl<'a> Framed<'a> {
    /// `None`: the value is not framed. JSON never begins with a zero byte.
    #[inline]
    pub(crate) fn of(value: &'a [u8]) -> Option<Self> {
        let [0, a, b, c, d, payload @ ..] = value else { return None };
        let id = SchemaId(u32::from_be_bytes([*a, *b, *c, *d]));
        (!payload.is_empty()).then_some(Self { id, payload })
    }
}

/// Appends the framing of a schema's id.
pub fn push_framing(out: &mut Vec<u8>, id: SchemaId) {
    out.push(0);
    out.extend(id.0.to_be_bytes());
}

/// A schema as the registry answers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaText {
    /// The registry's word for the format: `AVRO`, `JSON`, `PROTOBUF` or another one.
    pub schema_type: String,
    pub text: String,
    /// Whether it refers to other schemas of the registry, so that the text is not all of it.
    pub has_references: bool,
}

/// How values are read that were written with a schema.
#[derive(Debug)]
enum Schema {
    /// The value is JSON. It is not checked against its schema, but by the same rules as JSON without one.
    Json,
    Avro(AvroReader),
    /// No value can be read, for this reason.
    Unusable(Cause, String),
}

impl Schema {
    fn of(schema: &SchemaText) -> Self {
        match schema.schema_type.as_str() {
            "JSON" => Self::Json,
            "AVRO" if schema.has_references => Self::Unusable(
                Cause::UnreadableSchema,
                "refers to other schemas, which is not supported: register it as one schema".to_owned(),
            ),
            "AVRO" => match AvroReader::of(&schema.text) {
                Ok(reader) => Self::Avro(reader),
                Err(why) => Self::Unusable(Cause::UnreadableSchema, format!("cannot be used: {why}")),
            },
            other => Self::Unusable(
                Cause::UnsupportedSchema,
                format!("is of the type {other}; only AVRO and JSON are supported"),
            ),
        }
    }
}

/// What is known about an id.
#[derive(Clone, Debug)]
enum Entry {
    Known(Arc<Schema>),
    /// The question with this number found none.
    Missing(Cause, u64),
}

/// The schemas that are known so far.
#[derive(Clone, Debug, Default)]
pub struct Schemas {
    entries: HashMap<SchemaId, Entry>,
    /// How many questions were begun.
    questions: u64,
}

impl Schemas {
    pub fn add(&mut self, id: SchemaId, schema: &SchemaText) {
        self.entries.insert(id, Entry::Known(Arc::new(Schema::of(schema))));
    }

    /// The number of a question that begins now.
    pub fn begin_question(&mut self) -> u64 {
        self.questions += 1;
        self.questions
    }

    /// Notes the answer to a question: the registry has no schema with this id.
    pub fn add_unknown(&mut self, id: SchemaId, question: u64) {
        self.add_missing(id, Entry::Missing(Cause::UnknownSchema, question));
    }

    /// The same if there is no registry that could be asked about this id.
    pub fn add_without_registry(&mut self, id: SchemaId, question: u64) {
        self.add_missing(id, Entry::Missing(Cause::BadJson, question));
    }

    fn add_missing(&mut self, id: SchemaId, missing: Entry) {
        if !matches!(self.entries.get(&id), Some(Entry::Known(_))) {
            self.entries.insert(id, missing);
        }
    }

    /// Forgets that no schema was found for this id.
    pub fn forget_unknown(&mut self, id: SchemaId) {
        if let Some(Entry::Missing(..)) = self.entries.get(&id) {
            self.entries.remove(&id);
        }
    }

    /// The schema that has to be asked for before this value is decoded.
    #[inline]
    #[must_use]
    pub fn missing(&self, value: Option<&[u8]>) -> Option<SchemaId> {
        let framed = Framed::of(value?)?;
        (!self.entries.contains_key(&framed.id)).then_some(framed.id)
    }

    /// The same for a record that an operator has retried: also a schema that one of the first `questions` did not find. The
    /// operator has found it since.
    #[must_use]
    pub fn missing_for_retry(&self, value: Option<&[u8]>, questions: u64) -> Option<SchemaId> {
        let framed = Framed::of(value?)?;
        let is_missing = match self.entries.get(&framed.id) {
            None => true,
            Some(Entry::Missing(_, question)) => *question <= questions,
            Some(Entry::Known(_)) => false,
        };
        is_missing.then_some(framed.id)
    }

    /// How many questions were begun so far.
    #[must_use]
    pub fn questions(&self) -> u64 {
        self.questions
    }

    /// The rejections of this value while its schema was not known.
    #[must_use]
    pub fn rejections_without_schema(value: Option<&[u8]>) -> Vec<Rejection> {
        match value.and_then(Framed::of) {
            Some(framed) => vec![Self::unknown(framed), Self::no_registry(framed)],
            None => Vec::new(),
        }
    }

    /// The id of the schema that a value was written with.
    #[must_use]
    pub fn id_of(value: Option<&[u8]>) -> Option<SchemaId> {
        Some(Framed::of(value?)?.id)
    }

    /// The value as JSON, in `texts` where it has to be written first.
    pub(crate) fn read<'a>(
        &self,
        framed: Framed<'a>,
        texts: &'a Texts,
        max_bytes: usize,
    ) -> Result<&'a [u8], Rejection> {
        let Framed { id, payload } = framed;
        match self.entries.get(&id) {
            Some(Entry::Known(schema)) => match &**schema {
                Schema::Json => Ok(payload),
                Schema::Avro(reader) => match reader.read(payload, max_bytes) {
                    Ok(json) => Ok(texts.0.alloc_str(&json).as_bytes()),
                    Err(unread) => Err(Rejection::new(
                        unread.cause,
                        format!("the value cannot be read with its schema (id {id}): {}", unread.why),
                    )),
                },
                Schema::Unusable(cause, why) => {
                    Err(Rejection::new(*cause, format!("the schema with the id {id} {why}")))
                }
            },
            Some(Entry::Missing(Cause::UnknownSchema, _)) => Err(Self::unknown(framed)),
            Some(Entry::Missing(..)) | None => Err(Self::no_registry(framed)),
        }
    }

    fn unknown(framed: Framed<'_>) -> Rejection {
        let message = format!("the schema registry has no schema with the id {}", framed.id);
        Rejection::new(Cause::UnknownSchema, message)
    }

    pub(crate) fn no_registry(framed: Framed<'_>) -> Rejection {
        let message = format!(
            "{FRAMED_MESSAGE} (a zero byte and the schema id {}), not with JSON; set SCHEMA_REGISTRY_URL to read it, or write plain \
             JSON, with a serializer that uses no registry",
            framed.id
        );
        Rejection::new(Cause::BadJson, message)
    }
}

/// Memory for the JSON of values that have to be translated, for as long as what was decoded from them is in use.
#[derive(Debug, Default)]
pub struct Texts(bumpalo::Bump);

impl Texts {
    /// How much memory they take up.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.0.allocated_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(schema_type: &str, text: &str, has_references: bool) -> SchemaText {
        SchemaText { schema_type: schema_type.into(), text: text.into(), has_references }
    }

    fn framed(id: u32, payload: &[u8]) -> Vec<u8> {
        let mut value = Vec::new();
        push_framing(&mut value, SchemaId(id));
        value.extend(payload);
        value
    }

    #[test]
    fn a_message_lists_a_few_ids() {
        let list = |range: std::ops::Range<u32>| SchemaId::list(&range.map(SchemaId).collect());
        assert_eq!(list(1..3), "1, 2");
        assert_eq!(list(1..6), "1, 2, 3, 4, 5");
        assert_eq!(list(1..1001), "1, 2, 3, 4, 5 and 995 more");
    }

    #[test]
    fn only_a_zero_byte_with_an_id_and_something_behind_it_is_framing() {
        let schemas = Schemas::default();
        assert_eq!(schemas.missing(Some(&framed(7, b"x"))), Some(SchemaId(7)));
        assert_eq!(schemas.missing(Some(&framed(u32::MAX, b"x"))), Some(SchemaId(u32::MAX)));
        for plain in [None, Some(&b""[..]), Some(b"{}"), Some(b"\0"), Some(b"\0abcd"), Some(b"1\0\0\0\0\0")] {
            assert_eq!(schemas.missing(plain), None, "{plain:?}");
        }
    }

    #[test]
    fn each_reason_why_a_value_cannot_be_read_has_a_cause_of_its_own() {
        let mut schemas = Schemas::default();
        schemas.add(SchemaId(1), &schema("PROTOBUF", "syntax = \"proto3\";", false));
        schemas.add(SchemaId(2), &schema("AVRO", "{\"type\":\"nonsense\"}", false));
        schemas.add(SchemaId(3), &schema("AVRO", "\"string\"", true));
        schemas.add(SchemaId(4), &schema("AVRO", "\"string\"", false));
        schemas.add_unknown(SchemaId(5), 1);
        schemas.add_without_registry(SchemaId(6), 1);
        let texts = Texts::default();
        let cause = |id: u32| {
            let value = framed(id, b"\x02");
            schemas.read(Framed::of(&value).unwrap(), &Texts::default(), 100).unwrap_err().cause
        };
        assert_eq!(
            [1, 2, 3, 4, 5, 6].map(cause),
            [
                Cause::UnsupportedSchema,
                Cause::UnreadableSchema,
                Cause::UnreadableSchema,
                Cause::SchemaMismatch,
                Cause::UnknownSchema,
                Cause::BadJson,
            ]
        );
        assert!([1, 2, 3, 4, 5, 6].iter().all(|id| schemas.missing(Some(&framed(*id, b"x"))).is_none()));
        let value = framed(4, b"\x04hi");
        assert_eq!(schemas.read(Framed::of(&value).unwrap(), &texts, 100).unwrap(), b"\"hi\"");
    }

    #[test]
    fn an_unknown_id_can_be_asked_for_again_and_a_known_one_stays() {
        let mut schemas = Schemas::default();
        schemas.add_unknown(SchemaId(1), 1);
        schemas.add(SchemaId(2), &schema("JSON", "{}", false));
        schemas.add_unknown(SchemaId(2), 1);
        for id in [1, 2] {
            schemas.forget_unknown(SchemaId(id));
        }
        assert_eq!(schemas.missing(Some(&framed(1, b"x"))), Some(SchemaId(1)));
        assert_eq!(schemas.missing(Some(&framed(2, b"x"))), None);
    }

    #[test]
    fn a_retry_asks_once_more_for_what_was_not_found_before() {
        let mut schemas = Schemas::default();
        let value = framed(1, b"x");
        assert_eq!(schemas.missing_for_retry(Some(&value), 0), Some(SchemaId(1)));
        let answered = schemas.begin_question();
        schemas.add_unknown(SchemaId(1), answered);
        let in_flight = schemas.begin_question();
        let when_it_was_retried = schemas.questions();
        assert_eq!(schemas.missing(Some(&value)), None);
        assert_eq!(schemas.missing_for_retry(Some(&value), when_it_was_retried), Some(SchemaId(1)));
        schemas.add_unknown(SchemaId(1), in_flight);
        assert_eq!(schemas.missing_for_retry(Some(&value), when_it_was_retried), Some(SchemaId(1)));
        let later = schemas.begin_question();
        schemas.add_unknown(SchemaId(1), later);
        assert_eq!(schemas.missing_for_retry(Some(&value), when_it_was_retried), None);
        schemas.add(SchemaId(1), &schema("JSON", "{}", false));
        schemas.add_without_registry(SchemaId(1), later);
        assert_eq!(schemas.missing_for_retry(Some(&value), u64::MAX), None);
    }
}
