//! Records made ready for one transaction: all that can be computed before it.

use std::collections::BTreeMap;

use bytes::Bytes;
use orders::decode::Envelope;
use orders::{Cause, Decoded, Fact, Partition, Position, Positions, Record, Rejection, Time, decode};
use settings::{Invalid, whole_number};

use super::copy::{HistoryRow, HistoryRows};
use super::dead_letter::DeadLetter;
use super::orders::{Merge, Orders, Places};
use crate::decisions::{Decided, Decisions, Verdict};

/// Of a history row that is not from the record's value, about.
const ROW_BYTES: usize = 64;

/// What decoding needs to know.
#[derive(Clone, Debug)]
pub struct Codec {
    /// Goes into the event ids of events that bring none.
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

/// From where to where a transaction moves a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advance {
    pub from: Position,
    pub to: Position,
    /// Of the last record, if there is one.
    pub fingerprint: Option<String>,
    pub last_appended_at: Option<Time>,
}

/// Ready to be written; borrows from the records.
#[derive(Debug, Default)]
pub struct Batch<'a> {
    pub(super) history: Bytes,
    pub(super) history_rows: usize,
    pub(super) orders: Orders<'a>,
    pub(super) dead_letters: Vec<DeadLetter<'a>>,
    pub(super) advances: BTreeMap<Partition, Advance>,
}

impl<'a> Batch<'a> {
    /// Decodes and folds `records`; those that an operator has decided about become what
    /// `decisions` says. `positions` says where each partition stands;
    /// records below it were applied before and are left out, as are those of
    /// partitions that it does not name.
    #[must_use]
    pub fn encode(
        codec: &Codec,
        positions: &Positions,
        decisions: &Decisions,
        records: &[Record<'a>],
    ) -> Self {
        let mut merge = Merge::default();
        let (batch, places) =
            Self::encode_with(codec, positions, decisions, records, |place, fact| merge.add(place, fact));
        Self { orders: merge.finish(places), ..batch }
    }

    /// The same without the orders: they are derived later from the history.
    #[must_use]
    pub fn encode_history(
        codec: &Codec,
        positions: &Positions,
        decisions: &Decisions,
        records: &[Record<'a>],
    ) -> Self {
        Self::encode_with(codec, positions, decisions, records, |_, _| ()).0
    }

    fn encode_with(
        codec: &Codec,
        positions: &Positions,
        decisions: &Decisions,
        records: &[Record<'a>],
        mut fold: impl FnMut(usize, Fact<'a>),
    ) -> (Self, Places<'a>) {
        let mut places = Places::default();
        let mut batch = Self::default();
        let bytes = records.iter().map(|record| record.value.map_or(0, <[u8]>::len) + ROW_BYTES).sum();
        let mut history = HistoryRows::with_capacity(bytes);
        let mut last: BTreeMap<Partition, Record<'a>> = BTreeMap::new();
        for record in records.iter().copied() {
            let from = last.get(&record.partition).map(Record::next);
            match from.or_else(|| positions.get(record.partition)) {
                Some(position) if position.accepts(record.offset) => {}
                _ => continue,
            }
            match Judged::of(codec, &record, decisions.of(record.partition, record.offset)) {
                Judged::Event(decoded) => {
                    let row = HistoryRow { record: &record, decoded: &decoded, decision: None };
                    let place = places.of(decoded.order_id.clone());
                    history.push(&codec.topic, place, &row);
                    fold(place, decoded.fact);
                }
                Judged::Admitted(decoded, decided) => {
                    let row = HistoryRow { record: &record, decoded: &decoded, decision: Some(decided.id) };
                    let place = places.of(decoded.order_id.clone());
                    history.push(&codec.topic, place, &row);
                    fold(place, decoded.fact);
                    batch.dead_letters.push(DeadLetter::closed(record, decided));
                }
                Judged::Discarded(decided) => batch.dead_letters.push(DeadLetter::closed(record, decided)),
                Judged::Rejected(rejection) => {
                    let place = history.len() + batch.dead_letters.len();
                    batch.dead_letters.push(DeadLetter { place, ..DeadLetter::open(record, rejection) });
                }
            }
            last.insert(record.partition, record);
        }
        batch.advances = advances(positions, &last);
        batch.history_rows = history.len();
        batch.history = history.finish(places.len());
        (batch, places)
    }

    /// One record as a dead letter, because PostgreSQL refused it.
    #[must_use]
    pub fn refused(positions: &Positions, record: Record<'a>, message: String) -> Self {
        let order_id = order_id_of(&record);
        let rejection = Rejection { order_id, ..Rejection::new(Cause::RefusedByDatabase, message) };
        let last = BTreeMap::from([(record.partition, record)]);
        Self {
            advances: advances(positions, &last),
            dead_letters: vec![DeadLetter::open(record, rejection)],
            ..Self::default()
        }
    }

    /// Moves a partition on over a hole at its end.
    pub fn move_to(&mut self, partition: Partition, from: Position, to: Position) {
        let advance = self.advances.entry(partition).or_insert_with(|| Advance {
            from,
            to: from,
            fingerprint: None,
            last_appended_at: None,
        });
        advance.to = advance.to.max(to);
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.advances.is_empty()
    }

    /// Records that become history rows.
    #[must_use]
    pub fn applied(&self) -> usize {
        self.history_rows
    }

    /// Records that become open dead letters.
    #[must_use]
    pub fn dead_lettered(&self) -> usize {
        self.dead_letters.iter().filter(|dead_letter| dead_letter.closed.is_none()).count()
    }

    /// Where the partitions stand once this is committed.
    pub fn positions(&self) -> impl Iterator<Item = (Partition, Position)> {
        self.advances.iter().map(|(partition, advance)| (*partition, advance.to))
    }
}

/// What a record is, by its bytes and by what an operator decided about it.
#[derive(Debug)]
pub enum Judged<'a, 'd> {
    Event(Decoded<'a>),
    /// An event by a retry.
    Admitted(Decoded<'a>, &'d Decided),
    Discarded(&'d Decided),
    Rejected(Rejection),
}

impl<'a, 'd> Judged<'a, 'd> {
    /// A retry stands whatever the size limit is now: it was lifted for this very record.
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

/// For [`decode()`]: `max_bytes` is the size limit.
#[must_use]
pub fn envelope<'a>(record: &Record<'a>, max_bytes: usize) -> Envelope<'a> {
    Envelope { at: record.at(), schema_version: record.headers.get("schema-version"), max_bytes }
}

fn order_id_of(record: &Record<'_>) -> Option<String> {
    let envelope = Envelope { at: record.at(), schema_version: None, max_bytes: usize::MAX };
    decode(envelope, record.value).ok().map(|decoded| decoded.order_id.into_owned())
}

fn advances(positions: &Positions, last: &BTreeMap<Partition, Record<'_>>) -> BTreeMap<Partition, Advance> {
    last.iter()
        .filter_map(|(partition, record)| {
            let advance = Advance {
                from: positions.get(*partition)?,
                to: record.next(),
                fingerprint: Some(record.fingerprint()),
                last_appended_at: Some(record.at().appended_at),
            };
            Some((*partition, advance))
        })
        .collect()
}
