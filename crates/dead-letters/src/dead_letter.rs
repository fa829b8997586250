//! A dead letter as it is shown.

use serde::{Serialize, Serializer};
use views::apply::KEPT_BYTES;
use views::read::{DeadLetter, DeadLetterBytes};

use crate::shown::Shown;

/// Field names and their meaning are those of the API: `DeadLetter` in its OpenAPI document.
#[derive(Clone, Debug, Serialize)]
pub struct DeadLetterView {
    pub id: String,
    pub partition: i32,
    pub offset: i64,
    pub state: String,
    pub cause: String,
    pub error: String,
    pub order_id: Option<String>,
    #[serde(serialize_with = "as_text")]
    pub appended_at: orders::Time,
    #[serde(serialize_with = "as_text")]
    pub dead_lettered_at: orders::Time,
    pub decision: Option<i64>,
    pub reason: Option<String>,
    #[serde(serialize_with = "as_text_or_null")]
    pub decided_at: Option<orders::Time>,
    pub payload_bytes: i32,
    pub headers: Vec<Header>,
    /// Only for those who may see it.
    #[serde(flatten)]
    pub content: Option<Content>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Header {
    pub name: String,
    /// Outer `None`: not for everybody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Option<String>>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Content {
    pub key: Option<String>,
    pub key_encoding: Option<&'static str>,
    pub payload: Option<String>,
    pub payload_encoding: Option<&'static str>,
    /// The log has more than is kept.
    pub payload_is_cut: bool,
}

impl From<DeadLetter> for DeadLetterView {
    fn from(dead_letter: DeadLetter) -> Self {
        let is_cut = dead_letter.is_cut();
        let shows_all = dead_letter.bytes.is_some();
        let headers = dead_letter.headers.into_iter();
        Self {
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
                .map(|(name, value)| Header { name, value: shows_all.then_some(value) })
                .collect(),
            content: dead_letter.bytes.map(|bytes| Content::of(&bytes, is_cut)),
        }
    }
}

impl Content {
    fn of(bytes: &DeadLetterBytes, is_cut: bool) -> Self {
        let key = bytes.key.as_deref().map(|key| Shown::of(key, key.len() == KEPT_BYTES));
        let payload = bytes.payload.as_deref().map(|payload| Shown::of(payload, is_cut));
        let (key, key_encoding) = key.map(|shown| (shown.text, shown.encoding)).unzip();
        let (payload, payload_encoding) = payload.map(|shown| (shown.text, shown.encoding)).unzip();
        Self { key, key_encoding, payload, payload_encoding, payload_is_cut: is_cut }
    }
}

pub(crate) fn as_text<S: Serializer>(time: &orders::Time, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(time)
}

fn as_text_or_null<S: Serializer>(time: &Option<orders::Time>, to: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => to.collect_str(time),
        None => to.serialize_none(),
    }
}
