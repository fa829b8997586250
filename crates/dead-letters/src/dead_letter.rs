//! A dead letter as the API and `consumer dead-letters` answer it.

use orders::Time;
use serde::Serialize;
use views::apply::KEPT_BYTES;
use views::read::DeadLetter;

use crate::encoded_bytes::{EncodedBytes, Encoding};

/// A dead letter: a record that could not be applied.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = DeadLetter))]
pub struct DeadLetterBody {
    /// PARTITION-OFFSET of the record.
    #[cfg_attr(feature = "openapi", schema(example = "3-1207", pattern = "^[0-9]+-[0-9]+$"))]
    pub id: String,
    pub partition: i32,
    pub offset: i64,
    #[cfg_attr(feature = "openapi", schema(value_type = crate::DeadLetterState))]
    pub state: String,
    #[cfg_attr(feature = "openapi", schema(value_type = orders::Cause))]
    pub cause: String,
    /// The details of the cause. The text may quote a value of the record.
    pub error: String,
    /// The order that is incomplete without the record; null where the record names none.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub order_id: Option<String>,
    /// The append time of the record.
    pub appended_at: Time,
    /// When the record became a dead letter of this build.
    pub dead_lettered_at: Time,
    /// The number of the decision that closed the dead letter; null while it is open.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub decision: Option<i64>,
    /// The operator's reason for the decision.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub reason: Option<String>,
    /// When the decision was taken.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub decided_at: Option<Time>,
    /// Length of the record's value in the log, in bytes.
    #[cfg_attr(feature = "openapi", schema(minimum = 0))]
    pub payload_bytes: i32,
    /// The headers, at most 64 KiB of them. If some are left out, the last entry is named `\cut` and says so.
    pub headers: Vec<DeadLetterHeader>,
    /// The key of the record, at most 64 KiB of it; null if the record has none. Only with the admin token.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub key: Option<Option<String>>,
    /// How `key` stands for the bytes. Only with the admin token.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Encoding>))]
    pub key_encoding: Option<Option<Encoding>>,
    /// The value of the record, at most 64 KiB of it; null if the record has none. Only with the admin token.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub payload: Option<Option<String>>,
    /// How `payload` stands for the bytes. Only with the admin token.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Encoding>))]
    pub payload_encoding: Option<Option<Encoding>>,
    /// Whether the value in the log is longer than `payload`. Only with the admin token.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = bool))]
    pub payload_is_cut: Option<bool>,
}

/// A header of a record. A backslash is written as two; a NUL, and each byte that is not valid UTF-8, as `\xNN`.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeadLetterHeader {
    pub name: String,
    /// Null if the header has no value. Only with the admin token.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub value: Option<Option<String>>,
}

/// The bytes, which only a client with the admin token may see, are included if they were read.
impl From<DeadLetter> for DeadLetterBody {
    fn from(dead_letter: DeadLetter) -> Self {
        let is_cut = dead_letter.is_cut();
        let with_bytes = dead_letter.bytes.is_some();
        let headers = dead_letter.headers.into_iter();
        let mut body = Self {
            id: dead_letter.id.to_string(),
            partition: dead_letter.id.partition.0,
            offset: dead_letter.id.offset.0,
            state: dead_letter.state,
            cause: dead_letter.cause,
            error: dead_letter.error,
            order_id: dead_letter.order_id,
            appended_at: dead_letter.appended_at,
            dead_lettered_at: dead_letter.dead_lettered_at,
            decision: dead_letter.decision,
            reason: dead_letter.reason,
            decided_at: dead_letter.decided_at,
            payload_bytes: dead_letter.payload_bytes,
            headers: headers
                .map(|(name, value)| DeadLetterHeader { name, value: with_bytes.then_some(value) })
                .collect(),
            key: None,
            key_encoding: None,
            payload: None,
            payload_encoding: None,
            payload_is_cut: None,
        };
        if let Some(bytes) = dead_letter.bytes {
            let (key, key_encoding) = encode(bytes.key, |key| key.len() == KEPT_BYTES);
            let (payload, payload_encoding) = encode(bytes.payload, |_| is_cut);
            (body.key, body.key_encoding) = (Some(key), Some(key_encoding));
            (body.payload, body.payload_encoding) = (Some(payload), Some(payload_encoding));
            body.payload_is_cut = Some(is_cut);
        }
        body
    }
}

fn encode(bytes: Option<Vec<u8>>, is_cut: impl FnOnce(&[u8]) -> bool) -> (Option<String>, Option<Encoding>) {
    let encoded = bytes.map(|bytes| EncodedBytes::of(&bytes, is_cut(&bytes)));
    encoded.map(|encoded| (encoded.text, encoded.encoding)).unzip()
}
