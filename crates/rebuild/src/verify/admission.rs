//! What must have become of a record: by its bytes, by what operators decided about it, and
//! by the letter that the build has of it.

use orders::{Cause, Decoded, Record};
use views::apply::{Closed, Codec, Judged};
use views::decisions::{Decided, Verdict};
use views::rebuild::KnownLetter;

/// What the build should hold of a record.
pub(super) struct Expected<'a> {
    /// In the history, with the decision that admitted it.
    pub(super) event: Option<(Decoded<'a>, Option<i64>)>,
    /// What the letter should be and what it is; `None`: as it should be.
    pub(super) letter: Option<(Option<String>, Option<String>)>,
}

pub(super) fn expected<'a>(
    codec: &Codec,
    record: &Record<'a>,
    decided: Option<&Decided>,
    letter: Option<&KnownLetter>,
) -> Expected<'a> {
    let judged = Judged::of(codec, record, decided);
    let differs = |expected: Option<String>| Some((expected, letter.map(shown)));
    match (judged, letter) {
        (Judged::Event(event), None) => Expected { event: Some((event, None)), letter: None },
        // Only PostgreSQL found fault with it.
        (Judged::Event(_) | Judged::Admitted(..), Some(letter))
            if letter.closed.is_none() && letter.cause == Cause::RefusedByDatabase.as_str() =>
        {
            Expected { event: None, letter: None }
        }
        (Judged::Event(event), Some(_)) => {
            Expected { event: Some((event, None)), letter: differs(Some("no letter".into())) }
        }
        // It was an event before the retry: the build was made with another size limit.
        (Judged::Admitted(event, _), None) => Expected { event: Some((event, None)), letter: None },
        (Judged::Admitted(event, decided), Some(letter)) => Expected {
            event: Some((event, Some(decided.id))),
            letter: if is_closed_by(letter, decided) { None } else { differs(Some(closed_by(decided))) },
        },
        (Judged::Discarded(decided), letter) => Expected {
            event: None,
            letter: match letter {
                Some(letter) if is_closed_by(letter, decided) => None,
                _ => differs(Some(closed_by(decided))),
            },
        },
        (Judged::Rejected(rejection), letter) => {
            let cause = rejection.cause.as_str();
            let fits = letter.is_some_and(|letter| letter.closed.is_none() && letter.cause == cause);
            Expected { event: None, letter: if fits { None } else { differs(Some(cause.into())) } }
        }
    }
}

fn is_closed_by(letter: &KnownLetter, decided: &Decided) -> bool {
    letter.closed == Some(Closed { verdict: decided.verdict, decision: decided.id })
        && letter.cause == decided.letter.cause.as_str()
}

fn closed_by(decided: &Decided) -> String {
    named(decided.letter.cause.as_str(), decided.verdict, decided.id)
}

fn shown(letter: &KnownLetter) -> String {
    match letter.closed {
        None => letter.cause.clone(),
        Some(Closed { verdict, decision }) => named(&letter.cause, verdict, decision),
    }
}

fn named(cause: &str, verdict: Verdict, decision: i64) -> String {
    format!("{cause}, {} by decision {decision}", verdict.state())
}
