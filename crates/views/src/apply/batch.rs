//! Records made ready for one transaction: everything that can be computed before it begins.

use std::collections::BTreeMap;

use bytes::Bytes;
use orders::{Cause, Fact, Partition, Position, Positions, Record, Rejection, Time, decode};

use super::codec::Codec;
use super::copy::{HistoryRow, HistoryRows};
use super::dead_letter::NewDeadLetter;
use super::disposition::{Disposition, envelope};
use super::merged_orders::{MergedOrders, OrderMerge, OrderNumbers};
use crate::decisions::Decisions;

/// The approximate size of a history row, not counting what comes from the record's value.
const ROW_BYTES: usize = 64;

/// How a transaction moves a partition's position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advance {
    pub from: Position,
    pub to: Position,
    /// The fingerprint of the last record; `None` if only a hole is passed.
    pub fingerprint: Option<String>,
    pub last_appended_at: Option<Time>,
}

/// What one transaction writes. It borrows from the records.
#[derive(Debug, Default)]
pub struct Batch<'a> {
    pub(super) history: Bytes,
    pub(super) history_rows: usize,
    pub(super) orders: MergedOrders<'a>,
    pub(super) dead_letters: Vec<NewDeadLetter<'a>>,
    pub(super) advances: BTreeMap<Partition, Advance>,
}

impl<'a> Batch<'a> {
    /// Decodes and folds `records`. Those that an operator has decided about become what `decisions`
    /// says. Records below their partition's position were applied before and are left out, as are
    /// those of partitions that `positions` does not name.
    #[must_use]
    pub fn encode(
        codec: &Codec,
        positions: &Positions,
        decisions: &Decisions,
        records: &[Record<'a>],
    ) -> Self {
        let mut merge = OrderMerge::default();
        let (batch, numbers) =
            Self::encode_with(codec, positions, decisions, records, |number, fact| merge.add(number, fact));
        Self { orders: merge.finish(numbers), ..batch }
    }

    /// The same without the orders, which are derived from the history later.
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
    ) -> (Self, OrderNumbers<'a>) {
        let mut numbers = OrderNumbers::default();
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
            match Disposition::of(codec, &record, decisions.of(record.partition, record.offset)) {
                Disposition::Event(decoded) => {
                    let row = HistoryRow { record: &record, decoded: &decoded, decision: None };
                    let number = numbers.of(decoded.order_id.clone());
                    history.push(&codec.topic, number, &row);
                    fold(number, decoded.fact);
                }
                Disposition::Admitted(decoded, decided) => {
                    let row = HistoryRow { record: &record, decoded: &decoded, decision: Some(decided.id) };
                    let number = numbers.of(decoded.order_id.clone());
                    history.push(&codec.topic, number, &row);
                    fold(number, decoded.fact);
                    batch.dead_letters.push(NewDeadLetter::closed(record, decided));
                }
                Disposition::Discarded(decided) => {
                    batch.dead_letters.push(NewDeadLetter::closed(record, decided))
                }
                Disposition::Rejected(rejection) => {
                    let records_before = history.len() + batch.dead_letters.len();
                    batch
                        .dead_letters
                        .push(NewDeadLetter { records_before, ..NewDeadLetter::open(record, rejection) });
                }
            }
            last.insert(record.partition, record);
        }
        batch.advances = advances(positions, &last);
        batch.history_rows = history.len();
        batch.history = history.finish(numbers.len());
        (batch, numbers)
    }

    /// One record as a dead letter, because PostgreSQL refused it with this message.
    #[must_use]
    pub fn refused(positions: &Positions, record: Record<'a>, message: String) -> Self {
        let order_id = order_id_of(&record);
        let rejection = Rejection { order_id, ..Rejection::new(Cause::RefusedByDatabase, message) };
        let last = BTreeMap::from([(record.partition, record)]);
        Self {
            advances: advances(positions, &last),
            dead_letters: vec![NewDeadLetter::open(record, rejection)],
            ..Self::default()
        }
    }

    /// Leaves nothing in the dead letters' texts but ASCII. PostgreSQL has refused more than that.
    pub(crate) fn reduce_to_ascii(&mut self) {
        self.dead_letters.iter_mut().for_each(|dead_letter| dead_letter.is_reduced = true);
    }

    /// Moves a partition's position over a hole at the end of the log.
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

    /// The number of records that become history rows.
    #[must_use]
    pub fn applied(&self) -> usize {
        self.history_rows
    }

    /// The number of records that become open dead letters.
    #[must_use]
    pub fn dead_lettered(&self) -> usize {
        self.dead_letters.iter().filter(|dead_letter| dead_letter.closed.is_none()).count()
    }

    /// Where the partitions stand once this is committed.
    pub fn positions(&self) -> impl Iterator<Item = (Partition, Position)> {
        self.advances.iter().map(|(partition, advance)| (*partition, advance.to))
    }
}

fn order_id_of(record: &Record<'_>) -> Option<String> {
    decode(envelope(record, usize::MAX), record.value).ok().map(|decoded| decoded.order_id.into_owned())
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
