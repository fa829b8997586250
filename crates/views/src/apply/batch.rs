//! Records made ready for one transaction: everything that can be computed before it begins.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use orders::{Cause, Fact, Partition, Position, Positions, Record, Rejection};

use super::advance::{Advance, Advances};
use super::codec::Decoder;
use super::copy::{HistoryRow, HistoryRows};
use super::dead_letter::NewDeadLetter;
use super::disposition::Disposition;
use super::merged_orders::{MergedOrders, OrderMerge, OrderNumbers, SortedOrders};
use crate::decisions::Decisions;
use crate::error::{Error, Result};

/// The approximate size of a history row, not counting what comes from the record's value.
const ROW_BYTES: usize = 64;

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
    /// those of partitions that `positions` does not name. Fails with [`Error::MissingSchemas`] if a record was
    /// written with a schema that was not asked for yet, and with [`Error::TooLargeTogether`] if several records take up
    /// too much memory.
    pub fn encode(
        decoder: &'a Decoder,
        positions: &Positions,
        decisions: &Decisions,
        records: &[Record<'a>],
    ) -> Result<Self> {
        let mut merge = OrderMerge::default();
        let (batch, orders) = Self::encode_with(decoder, positions, decisions, records, |number, fact| {
            merge.add(number, fact)
        })?;
        Ok(Self { orders: merge.finish(orders), ..batch })
    }

    /// The same without the orders, which are derived from the history later.
    pub fn encode_history(
        decoder: &'a Decoder,
        positions: &Positions,
        decisions: &Decisions,
        records: &[Record<'a>],
    ) -> Result<Self> {
        Ok(Self::encode_with(decoder, positions, decisions, records, |_, _| ())?.0)
    }

    fn encode_with(
        decoder: &'a Decoder,
        positions: &Positions,
        decisions: &Decisions,
        records: &[Record<'a>],
        mut fold: impl FnMut(usize, Fact<'a>),
    ) -> Result<(Self, SortedOrders<'a>)> {
        let mut numbers = OrderNumbers::default();
        let mut batch = Self::default();
        let bytes = records.iter().map(|record| record.value.map_or(0, <[u8]>::len) + ROW_BYTES).sum();
        let mut history = HistoryRows::with_capacity(bytes);
        let mut advances = Advances::new(positions);
        let mut missing = BTreeSet::new();
        for record in records.iter().copied() {
            if !advances.accept(record) {
                continue;
            }
            if let Some(id) = decoder.missing(&record, decisions) {
                missing.insert(id);
                continue;
            }
            if decoder.is_full() && records.len() > 1 {
                return Err(Error::TooLargeTogether);
            }
            match Disposition::of(decoder, &record, decisions.of(record.partition, record.offset)) {
                Disposition::Event(decoded) => {
                    let row = HistoryRow { record: &record, decoded: &decoded, decision: None };
                    let number = numbers.of(decoded.order_id.clone());
                    history.push(decoder.topic(), number, &row);
                    fold(number, decoded.fact);
                }
                Disposition::Admitted(decoded, decided) => {
                    let row = HistoryRow { record: &record, decoded: &decoded, decision: Some(decided.id) };
                    let number = numbers.of(decoded.order_id.clone());
                    history.push(decoder.topic(), number, &row);
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
        }
        if !missing.is_empty() {
            return Err(Error::MissingSchemas { ids: missing });
        }
        batch.advances = advances.finish();
        batch.history_rows = history.len();
        let orders = numbers.sorted();
        batch.history = history.finish(&orders.ranks());
        Ok((batch, orders))
    }

    /// One record as a dead letter, because PostgreSQL refused it with this message.
    #[must_use]
    pub fn refused(decoder: &Decoder, positions: &Positions, record: Record<'a>, message: String) -> Self {
        let rejection = refusal(decoder, &record, message);
        let mut advances = Advances::new(positions);
        advances.accept(record);
        Self {
            advances: advances.finish(),
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
        self.advances.entry(partition).or_insert_with(|| Advance::begin(from)).move_to(to);
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

    pub fn advances(&self) -> impl Iterator<Item = (Partition, &Advance)> {
        self.advances.iter().map(|(partition, advance)| (*partition, advance))
    }
}

/// Why a record that only PostgreSQL refuses is rejected.
#[must_use]
pub fn refusal(decoder: &Decoder, record: &Record<'_>, message: String) -> Rejection {
    let decoded = decoder.decode_up_to(usize::MAX, record);
    let order_id = decoded.ok().map(|decoded| decoded.order_id.into_owned());
    Rejection { order_id, ..Rejection::new(Cause::RefusedByDatabase, message) }
}
