//! What must have become of a record in the build. It follows from the record's bytes, from what
//! operators decided about it, and from the dead letter that the build has of it.

use orders::{Cause, Decoded, Offset, Partition, Record};
use views::apply::{Closed, Codec, Disposition};
use views::decisions::{Decided, Verdict};
use views::rebuild::KnownDeadLetter;

use crate::differences::Difference;

/// What the build should hold of a record.
pub(super) struct Admission<'a> {
    /// The event that should be in the history, and the retry that admitted it, if one did.
    pub(super) event: Option<(Decoded<'a>, Option<i64>)>,
    /// `None` if the dead letter is as it should be, or rightly missing.
    pub(super) mismatch: Option<DeadLetterMismatch>,
}

/// A dead letter in words, as it should be and as it is; `None` for none.
pub(super) struct DeadLetterMismatch {
    pub(super) expected: Option<String>,
    pub(super) found: Option<String>,
}

impl<'a> Admission<'a> {
    pub(super) fn of(
        codec: &Codec,
        record: &Record<'a>,
        decided: Option<&Decided>,
        dead_letter: Option<&KnownDeadLetter>,
    ) -> Self {
        let mismatch = |expected: String| {
            Some(DeadLetterMismatch { expected: Some(expected), found: dead_letter.map(describe) })
        };
        match (Disposition::of(codec, record, decided), dead_letter) {
            (Disposition::Event(event), None) => Self { event: Some((event, None)), mismatch: None },
            // Only PostgreSQL refused it.
            (Disposition::Event(_) | Disposition::Admitted(..), Some(dead_letter))
                if was_refused(dead_letter) =>
            {
                Self { event: None, mismatch: None }
            }
            (Disposition::Event(event), Some(_)) => {
                Self { event: Some((event, None)), mismatch: mismatch("no dead letter".into()) }
            }
            // It was an event before the retry: the build was made with another size limit.
            (Disposition::Admitted(event, _), None) => Self { event: Some((event, None)), mismatch: None },
            (Disposition::Admitted(event, decided), Some(dead_letter)) => {
                let fits = is_closed_by(dead_letter, decided);
                let mismatch = if fits { None } else { mismatch(describe_closed_by(decided)) };
                Self { event: Some((event, Some(decided.id))), mismatch }
            }
            (Disposition::Discarded(decided), dead_letter) => {
                let fits = dead_letter.is_some_and(|dead_letter| is_closed_by(dead_letter, decided));
                Self {
                    event: None,
                    mismatch: if fits { None } else { mismatch(describe_closed_by(decided)) },
                }
            }
            (Disposition::Rejected(rejection), dead_letter) => {
                let cause = rejection.cause.as_str();
                let fits = dead_letter
                    .is_some_and(|dead_letter| dead_letter.closed.is_none() && dead_letter.cause == cause);
                Self { event: None, mismatch: if fits { None } else { mismatch(cause.into()) } }
            }
        }
    }
}

impl DeadLetterMismatch {
    pub(super) fn at(self, at: (Partition, Offset)) -> Difference {
        let Self { expected, found } = self;
        Difference { column: Some("cause".into()), expected, found, ..dead_letter_at(at) }
    }
}

/// A dead letter whose record is not in the log.
pub(super) fn without_record(at: (Partition, Offset), dead_letter: KnownDeadLetter) -> Difference {
    Difference { found: Some(dead_letter.cause), ..dead_letter_at(at) }
}

fn dead_letter_at((partition, offset): (Partition, Offset)) -> Difference {
    Difference {
        table: "dead_letters".into(),
        partition: Some(partition.0),
        offset: Some(offset.0),
        ..Difference::default()
    }
}

fn was_refused(dead_letter: &KnownDeadLetter) -> bool {
    dead_letter.closed.is_none() && dead_letter.cause == Cause::RefusedByDatabase.as_str()
}

fn is_closed_by(dead_letter: &KnownDeadLetter, decided: &Decided) -> bool {
    dead_letter.closed == Some(Closed { verdict: decided.verdict, decision: decided.id })
        && dead_letter.cause == decided.dead_letter.cause.as_str()
}

fn describe(dead_letter: &KnownDeadLetter) -> String {
    match dead_letter.closed {
        None => dead_letter.cause.clone(),
        Some(Closed { verdict, decision }) => describe_closed(&dead_letter.cause, verdict, decision),
    }
}

fn describe_closed_by(decided: &Decided) -> String {
    describe_closed(decided.dead_letter.cause.as_str(), decided.verdict, decided.id)
}

fn describe_closed(cause: &str, verdict: Verdict, decision: i64) -> String {
    format!("{cause}, {} by decision {decision}", verdict.state())
}
