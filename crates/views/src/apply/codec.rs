//! The settings of decoding.

use settings::{Invalid, whole_number};

/// What decoding needs to know.
#[derive(Clone, Debug)]
pub struct Codec {
    /// Part of the event ids that are derived for events without one.
    pub topic: String,
    /// Larger values become dead letters. In bytes.
    pub max_record_bytes: usize,
}

impl Codec {
    /// `max_record_bytes` is the text of that setting.
    pub fn validate(topic: &str, max_record_bytes: &str) -> Result<Self, Invalid> {
        let bytes = whole_number("MAX_RECORD_BYTES", max_record_bytes, 1, 100_000_000)?;
        Ok(Self { topic: topic.to_owned(), max_record_bytes: bytes as usize })
    }
}
