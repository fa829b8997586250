//! What must have become of a record in the build. It follows from the record's bytes, from what
//! operators decided about it, and from the dead letter that the build has of it.

use orders::{Cause, Decoded, Offset, Partition, Record, Rejection, Schemas};
use views::Totals;
use views::apply::{Closed, Decoder, Disposition, refusal};
use views::decisions::{Decided, Verdict};
use views::rebuild::KnownDeadLetter;

use crate::differences::Difference;

/// What the build should hold of a record.
pub(super) struct Admission<'a> {
    /// The event that should be in the history, and the retry that admitted it, if one did.
    pub(super) event: Option<(Decoded<'a>, Option<i64>)>,
    /// `None` if the dead letter is as it should be, or rightly missing.
    pub(super) mismatch: Option<DeadLetterMismatch>,
    /// The record is an event, and the build has an open dead letter which says that PostgreSQL refuses it: that remains
    /// to be tried.
    pub(super) is_refused: bool,
    /// The record should be an open dead letter.
    pub(super) is_open: bool,
}

/// A column of a dead letter in words, as it should be and as it is; `None` for nothing.
pub(super) struct DeadLetterMismatch {
    column: &'static str,
    expected: Option<String>,
    found: Option<String>,
}

impl<'a> Admission<'a> {
    pub(super) fn of(
        decoder: &'a Decoder,
        record: &Record<'a>,
        decided: Option<&Decided>,
        dead_letter: Option<&KnownDeadLetter>,
    ) -> Self {
        let mismatch = |expected: &str| {
            let (expected, found) = (Some(expected.to_owned()), dead_letter.map(describe));
            Some(DeadLetterMismatch { column: "cause", expected, found })
        };
        let event =
            |event, mismatch| Self { event: Some(event), mismatch, is_refused: false, is_open: false };
        let closed = |mismatch| Self { event: None, mismatch, is_refused: false, is_open: false };
        let open = |mismatch| Self { event: None, mismatch, is_refused: false, is_open: true };
        if let (None, Some(dead_letter)) = (decided, dead_letter)
            && lacked_a_schema(record, dead_letter)
        {
            // Its schema may have become known since. It stays a dead letter until it is retried. The switch makes sure that
            // it is none of the live build's events.
            return open(None);
        }
        match (Disposition::of(decoder, record, decided), dead_letter) {
            (Disposition::Event(decoded), None) => event((decoded, None), None),
            (Disposition::Event(_) | Disposition::Admitted(..), Some(dead_letter))
                if was_refused(dead_letter) =>
            {
                let mismatch = wrong_content(record, dead_letter, &[refusal(decoder, record, String::new())]);
                Self { is_refused: true, ..open(mismatch) }
            }
            (Disposition::Event(decoded), Some(_)) => event((decoded, None), mismatch("no dead letter")),
            // It was an event before the retry: the build was made with another size limit.
            (Disposition::Admitted(decoded, _), None) => event((decoded, None), None),
            (Disposition::Admitted(decoded, decided), Some(dead_letter)) => {
                event((decoded, Some(decided.id)), wrongly_closed(decoder, record, decided, dead_letter))
            }
            (Disposition::Discarded(decided), None) => closed(mismatch(&describe_closed_by(decided))),
            (Disposition::Discarded(decided), Some(dead_letter)) => {
                closed(wrongly_closed(decoder, record, decided, dead_letter))
            }
            (Disposition::Rejected(rejection), Some(dead_letter))
                if dead_letter.closed.is_none() && dead_letter.cause == rejection.cause.as_str() =>
            {
                open(wrong_content(record, dead_letter, &[rejection]))
            }
            (Disposition::Rejected(rejection), _) => open(mismatch(rejection.cause.as_str())),
        }
    }
}

impl Admission<'_> {
    /// Adds the record to the counts that it belongs to.
    pub(super) fn count(&self, totals: &mut Totals) {
        totals.records += i64::from(self.event.is_some());
        totals.open_dead_letters += i64::from(self.is_open);
    }
}

/// Whether a dead letter was closed otherwise than by this decision, or has other content.
fn wrongly_closed(
    decoder: &Decoder,
    record: &Record<'_>,
    decided: &Decided,
    dead_letter: &KnownDeadLetter,
) -> Option<DeadLetterMismatch> {
    // It has the words of the decision, or was written before that, with words of its own or for want of a schema.
    let mut rejections = Schemas::rejections_without_schema(record.value);
    rejections.push(decided.dead_letter.clone());
    if !is_closed_by(dead_letter, decided, &rejections) {
        let (expected, found) = (Some(describe_closed_by(decided)), Some(describe(dead_letter)));
        return Some(DeadLetterMismatch { column: "cause", expected, found });
    }
    if let Disposition::Rejected(own) = Disposition::of(decoder, record, None) {
        rejections.push(own);
    }
    wrong_content(record, dead_letter, &rejections)
}

/// Whether a dead letter has other content than any of these rejections gives it.
fn wrong_content(
    record: &Record<'_>,
    dead_letter: &KnownDeadLetter,
    rejections: &[Rejection],
) -> Option<DeadLetterMismatch> {
    let wrong = |rejection| dead_letter.wrong_column(record, rejection);
    let column = rejections.iter().map(wrong).reduce(|one, other| one.and(other))??;
    let (expected, found) = (Some("what follows from the record".into()), Some("something else".into()));
    Some(DeadLetterMismatch { column, expected, found })
}

impl DeadLetterMismatch {
    pub(super) fn at(self, at: (Partition, Offset)) -> Difference {
        let Self { column, expected, found } = self;
        Difference { column: Some(column.into()), expected, found, ..dead_letter_at(at) }
    }
}

/// A dead letter which says that PostgreSQL refuses a record that it takes.
pub(super) fn not_refused(at: (Partition, Offset)) -> Difference {
    let found = Some(Cause::RefusedByDatabase.as_str().to_owned());
    Difference {
        column: Some("cause".into()),
        expected: Some("no dead letter: PostgreSQL takes the record".into()),
        found,
        ..dead_letter_at(at)
    }
}

/// A dead letter whose record is an event in the live build.
pub(in crate::steps) fn event_in_live(at: (Partition, Offset)) -> Difference {
    Difference {
        column: Some("cause".into()),
        expected: Some("an event, as in the live tables: its schema has become known".into()),
        found: Some("a dead letter, because its schema was not known".into()),
        ..dead_letter_at(at)
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

/// Whether the record is an open dead letter because its schema was not known, with the content that follows from that.
fn lacked_a_schema(record: &Record<'_>, dead_letter: &KnownDeadLetter) -> bool {
    let is_this = |rejection: &Rejection| {
        rejection.cause.as_str() == dead_letter.cause && dead_letter.wrong_column(record, rejection).is_none()
    };
    dead_letter.closed.is_none() && Schemas::rejections_without_schema(record.value).iter().any(is_this)
}

/// Whether PostgreSQL is said to have refused the record.
pub(in crate::steps) fn was_refused(dead_letter: &KnownDeadLetter) -> bool {
    dead_letter.closed.is_none() && dead_letter.cause == Cause::RefusedByDatabase.as_str()
}

/// Whether it was closed by this decision, and has the cause of one of these rejections.
fn is_closed_by(dead_letter: &KnownDeadLetter, decided: &Decided, rejections: &[Rejection]) -> bool {
    dead_letter.closed == Some(Closed { verdict: decided.verdict, decision: decided.id })
        && rejections.iter().any(|rejection| rejection.cause.as_str() == dead_letter.cause)
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
