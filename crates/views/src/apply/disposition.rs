//! What becomes of a record: a row of the history, a dead letter, or both.

use orders::decode::Envelope;
use orders::{Decoded, Record, Rejection, decode};

use super::codec::Codec;
use crate::decisions::{Decided, Verdict};

/// What becomes of a record, by its bytes and by what an operator decided about it.
#[derive(Debug)]
pub enum Disposition<'a, 'd> {
    Event(Decoded<'a>),
    /// An event, by a retry.
    Admitted(Decoded<'a>, &'d Decided),
    Discarded(&'d Decided),
    Rejected(Rejection),
}

impl<'a, 'd> Disposition<'a, 'd> {
    /// The size limit does not apply to a retry, for which the operator has lifted it.
    #[must_use]
    pub fn of(codec: &Codec, record: &Record<'a>, decided: Option<&'d Decided>) -> Self {
        let decoded = |limit| decode(envelope(record, limit), record.value);
        match decided {
            None => decoded(codec.max_record_bytes).map_or_else(Self::Rejected, Self::Event),
            Some(decided) => match decided.verdict {
                Verdict::Retry => {
                    decoded(usize::MAX).map_or_else(Self::Rejected, |event| Self::Admitted(event, decided))
                }
                Verdict::Discard => Self::Discarded(decided),
            },
        }
    }
}

/// What [`decode()`] needs to know about a record besides its value; `max_bytes` is the size limit.
#[must_use]
pub fn envelope<'a>(record: &Record<'a>, max_bytes: usize) -> Envelope<'a> {
    let key_bytes = record.key.map_or(0, <[u8]>::len);
    Envelope { at: record.at(), key_bytes, headers: record.headers, max_bytes }
}
