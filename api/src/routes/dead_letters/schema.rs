//! How dead letters look in the OpenAPI document; `crates/dead-letters` writes the JSON, and
//! tests/openapi.rs holds the two together.
#![expect(dead_code, reason = "only the schemas are used")]

use utoipa::ToSchema;

/// A dead letter: a record that could not be applied.
#[derive(ToSchema)]
pub struct DeadLetter {
    /// PARTITION-OFFSET of its record.
    #[schema(example = "3-1207", pattern = "^[0-9]+-[0-9]+$")]
    id: String,
    partition: i32,
    offset: i64,
    #[schema(example = "open", pattern = "^(open|retried|discarded)$")]
    state: String,
    /// What it was, in a word; docs/events.md lists them.
    #[schema(example = "bad_json")]
    cause: String,
    /// What exactly was wrong.
    error: String,
    /// The order that is incomplete without it; null: it could not be read, or there is none.
    order_id: Option<String>,
    /// The record's time stamp.
    #[schema(format = DateTime)]
    appended_at: String,
    /// When it became a dead letter in this build.
    #[schema(format = DateTime)]
    dead_lettered_at: String,
    /// The number of the decision that closed it.
    decision: Option<i64>,
    /// Why, in the operator's words.
    reason: Option<String>,
    #[schema(format = DateTime)]
    decided_at: Option<String>,
    /// Length of the value in the log.
    payload_bytes: i32,
    headers: Vec<DeadLetterHeader>,
    /// Only with the admin token, as all that follows. At most 64 KiB of it are kept.
    #[schema(required = false)]
    key: Option<String>,
    /// `text` where it is UTF-8, else `base64`.
    #[schema(required = false)]
    key_encoding: Option<String>,
    /// At most 64 KiB of it are kept; the whole is in the log.
    #[schema(required = false)]
    payload: Option<String>,
    /// `text` where it is UTF-8, else `base64`.
    #[schema(required = false)]
    payload_encoding: Option<String>,
    #[schema(required = false)]
    payload_is_cut: bool,
}

#[derive(ToSchema)]
struct DeadLetterHeader {
    name: String,
    /// Only with the admin token. What was no UTF-8 is replaced by U+FFFD.
    #[schema(required = false)]
    value: Option<String>,
}

/// What came of a retry of many dead letters.
#[derive(ToSchema)]
#[schema(as = DeadLettersRetried)]
pub struct BulkReport {
    cause: String,
    /// Dead letters that were met; each is one of the following.
    retried: u64,
    /// Now in the tables.
    applied: u64,
    /// Refused again: still open.
    still_refused: u64,
    /// The log no longer has the whole record: still open.
    gone: u64,
    /// Somebody else was faster.
    closed_meanwhile: u64,
    /// Whether all were met; if not, ask again.
    complete: bool,
    /// The first of those that were refused.
    refusals: Vec<DeadLetterRefusal>,
}

#[derive(ToSchema)]
struct DeadLetterRefusal {
    id: String,
    cause: String,
    error: String,
}
