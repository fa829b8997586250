//! What must have become of a record: by its bytes, by what operators decided about it, and
//! by the dead letter that the build has of it.

use orders::{Cause, Decoded, Record};
use views::apply::{Closed, Codec, Disposition};
use views::decisions::{Decided, Verdict};
use views::rebuild::KnownDeadLetter;

/// What the build should hold of a record.
pub(super) struct Expected<'a> {
    /// In the history, with the decision that admitted it.
    pub(super) event: Option<(Decoded<'a>, Option<i64>)>,
    /// What the dead letter should be and what it is; `None`: as it should be.
    pub(super) dead_letter: Option<(Option<String>, Option<String>)>,
}

pub(super) fn expected<'a>(
    codec: &Codec,
    record: &Record<'a>,
    decided: Option<&Decided>,
    dead_letter: Option<&KnownDeadLetter>,
) -> Expected<'a> {
    let disposition = Disposition::of(codec, record, decided);
    let differs = |expected: Option<String>| Some((expected, dead_letter.map(shown)));
    match (disposition, dead_letter) {
        (Disposition::Event(event), None) => Expected { event: Some((event, None)), dead_letter: None },
        // Only PostgreSQL found fault with it.
        (Disposition::Event(_) | Disposition::Admitted(..), Some(dead_letter))
            if dead_letter.closed.is_none() && dead_letter.cause == Cause::RefusedByDatabase.as_str() =>
        {
            Expected { event: None, dead_letter: None }
        }
        (Disposition::Event(event), Some(_)) => {
            Expected { event: Some((event, None)), dead_letter: differs(Some("no dead letter".into())) }
        }
        // It was an event before the retry: the build was made with another size limit.
        (Disposition::Admitted(event, _), None) => Expected { event: Some((event, None)), dead_letter: None },
        (Disposition::Admitted(event, decided), Some(dead_letter)) => Expected {
            event: Some((event, Some(decided.id))),
            dead_letter: if is_closed_by(dead_letter, decided) {
                None
            } else {
                differs(Some(closed_by(decided)))
            },
        },
        (Disposition::Discarded(decided), dead_letter) => Expected {
            event: None,
            dead_letter: match dead_letter {
                Some(dead_letter) if is_closed_by(dead_letter, decided) => None,
                _ => differs(Some(closed_by(decided))),
            },
        },
        (Disposition::Rejected(rejection), dead_letter) => {
            let cause = rejection.cause.as_str();
            let fits = dead_letter
                .is_some_and(|dead_letter| dead_letter.closed.is_none() && dead_letter.cause == cause);
            Expected { event: None, dead_letter: if fits { None } else { differs(Some(cause.into())) } }
        }
    }
}

fn is_closed_by(dead_letter: &KnownDeadLetter, decided: &Decided) -> bool {
    dead_letter.closed == Some(Closed { verdict: decided.verdict, decision: decided.id })
        && dead_letter.cause == decided.dead_letter.cause.as_str()
}

fn closed_by(decided: &Decided) -> String {
    named(decided.dead_letter.cause.as_str(), decided.verdict, decided.id)
}

fn shown(dead_letter: &KnownDeadLetter) -> String {
    match dead_letter.closed {
        None => dead_letter.cause.clone(),
        Some(Closed { verdict, decision }) => named(&dead_letter.cause, verdict, decision),
    }
}

fn named(cause: &str, verdict: Verdict, decision: i64) -> String {
    format!("{cause}, {} by decision {decision}", verdict.state())
}
