//! What becomes of a record: a row of the history, a dead letter, or both.

use orders::{Decoded, Record, Rejection};

use super::codec::Decoder;
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
    pub fn of(decoder: &'a Decoder, record: &Record<'a>, decided: Option<&'d Decided>) -> Self {
        match decided {
            None => decoder.decode(record).map_or_else(Self::Rejected, Self::Event),
            Some(decided) => match decided.verdict {
                Verdict::Retry => decoder
                    .decode_up_to(usize::MAX, record)
                    .map_or_else(Self::Rejected, |event| Self::Admitted(event, decided)),
                Verdict::Discard => Self::Discarded(decided),
            },
        }
    }
}
