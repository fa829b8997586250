//! The records that were applied after state `verifying`, compared like those before, but only with the rows that
//! they touch. The work depends on how many records these are, not on the size of the tables, nor on how long the
//! histories of the orders are: the row of an order has to be the merge of the records that had won it in a verified
//! snapshot and of the records since.

use std::collections::{BTreeMap, BTreeSet};

use event_log::{Chunk, ChunkLimits, Replay, Span};
use orders::{LogPrefix, OrderState, Partition, Position, Positions, Record};
use views::apply::Decoder;
use views::decisions::{self, Decisions};
use views::rebuild::{BuildSnapshot, HistoryScan, KnownDeadLetters, OrderGroups, OrderScan, OrderSet};
use views::{Build, Session, SessionKind, Totals};

use super::admission::{Admission, without_record};
use super::fold::{self, Folded};
use super::refusals::Refusals;
use super::rows::{self, Rows};
use super::totals;
use crate::differences::Differences;
use crate::error::Result;
use crate::log_comparison::{LogDifference, read_log};
use crate::log_readings::LogReadings;
use crate::settings::Settings;

/// Records, and bytes of their rows, that are compared at a time.
const PIECE: usize = 10_000;
const PIECE_BYTES: usize = 4 << 20;
/// Orders that are compared at a time.
const ORDERS_AT_ONCE: usize = 1000;

/// What is compared: what `build` holds of the records from `from` up to `to`, and the orders that these are about.
#[derive(Clone, Copy)]
pub(in crate::steps) struct Stretch<'a> {
    pub(in crate::steps) build: Build,
    pub(in crate::steps) from: &'a Positions,
    pub(in crate::steps) to: &'a BTreeMap<Partition, LogPrefix>,
    /// What the build had read when it stood at `from`. Without it, a log that has lost some of the records is not
    /// told from a wrong table.
    pub(in crate::steps) read: Option<&'a BTreeMap<Partition, LogPrefix>>,
    /// The build when it stood at `from` and was verified. Without it, the orders are folded from their complete
    /// histories.
    pub(in crate::steps) verified: Option<&'a BuildSnapshot>,
}

/// What was found.
#[derive(Default)]
pub(in crate::steps) struct Comparison {
    pub(in crate::steps) differences: Differences,
    /// Where the log no longer holds what the build has read.
    pub(in crate::steps) lost: Vec<LogDifference>,
}

impl Stretch<'_> {
    pub(in crate::steps) async fn compare(
        self,
        settings: &Settings,
        session: &Session,
    ) -> Result<Comparison> {
        let span = |(partition, to): (&Partition, &LogPrefix)| {
            let (from, to) = (self.from.of(*partition), to.position);
            (from < to).then_some((*partition, Span { from, to }))
        };
        let spans: BTreeMap<Partition, Span> = self.to.iter().filter_map(span).collect();
        if spans.is_empty() {
            return Ok(Comparison::default());
        }
        let starts: Positions = spans.iter().map(|(partition, span)| (*partition, span.from)).collect();
        let mut pieces = Pieces {
            settings,
            session,
            build: self.build,
            decisions: decisions::ahead(session, &starts, &settings.codec.schemas).await?,
            dead_letters: self.build.dead_letters_from(session, &starts).await?,
            compared: starts,
            expected: BTreeMap::new(),
            records: 0,
            bytes: 0,
            touched: BTreeMap::new(),
            refusals: Refusals::new(settings, self.build),
            differences: Differences::default(),
            totals: Totals::default(),
        };
        let mut readings =
            self.read.map(|prefixes| LogReadings::new(prefixes, read_log(self.to, BTreeMap::new())));
        let mut replay = Replay::start(&settings.kafka, spans, ChunkLimits::SMALL)?;
        while let Some(chunk) = replay.next().await {
            let chunk = chunk?;
            pieces.add_all(&chunk).await?;
            if let Some(readings) = &mut readings {
                readings.add(&chunk);
            }
            if pieces.records >= PIECE {
                pieces.compare(None).await?;
            }
        }
        pieces.compare(Some(&self.to.iter().collect())).await?;
        let Pieces { mut differences, dead_letters, touched, totals: mut changes, .. } = pieces;
        for (at, dead_letter) in dead_letters {
            differences.push(without_record(at, dead_letter));
        }
        let orders = self.compare_orders(settings, &touched).await?;
        differences.extend(orders.differences);
        changes += orders.orders;
        let expected = match self.verified {
            Some(verified) => verified.totals() + changes,
            None => self.build.counted_totals(session).await?,
        };
        totals::compare(&expected, &self.build.totals(session).await?, &mut differences);
        let lost = readings.map(|readings| readings.differences()).unwrap_or_default();
        Ok(Comparison { differences, lost })
    }

    /// `touched`: the winners among the records of the stretch. Returns how the numbers of orders change, if there is
    /// a verified snapshot.
    async fn compare_orders(
        self,
        settings: &Settings,
        touched: &BTreeMap<String, OrderState<'static>>,
    ) -> Result<Folded> {
        let mut all = Folded::default();
        let touched: Vec<_> = touched.iter().map(|(id, state)| (id.as_str(), state)).collect();
        for some in touched.chunks(ORDERS_AT_ONCE) {
            let ids = OrderSet::Ids(some.iter().map(|(id, _)| (*id).to_owned()).collect());
            let Some(verified) = self.verified else {
                let folded = fold::compare_orders(&settings.database, self.build, &ids, |_| ()).await?;
                all.differences.extend(folded.differences);
                continue;
            };
            let (candidates, before) = verified.candidates(&some.iter().copied().collect()).await?;
            let history = settings.database.session("food-orders rebuild fold", SessionKind::Short).await?;
            let table = settings.database.session("food-orders rebuild verify", SessionKind::Short).await?;
            let groups = OrderGroups::of_records(&history, self.build, &candidates).await?;
            let rows = OrderScan::open(&table, self.build, &ids).await?;
            let folded = fold::compare_groups(groups, rows, &mut |_| Ok(()), |_| ()).await?;
            all.differences.extend(folded.differences);
            all.orders += folded.orders - before;
        }
        Ok(all)
    }
}

/// The records of a stretch, piece by piece against their rows.
struct Pieces<'a> {
    settings: &'a Settings,
    session: &'a Session,
    build: Build,
    decisions: Decisions,
    /// Those whose records were not read yet.
    dead_letters: KnownDeadLetters,
    /// Up to where the rows were compared.
    compared: Positions,
    /// The rows of the records that were read since.
    expected: BTreeMap<Partition, Rows>,
    /// How many records were read since, and how many bytes.
    records: usize,
    bytes: usize,
    /// The orders of all records, without their fields.
    touched: BTreeMap<String, OrderState<'static>>,
    refusals: Refusals,
    differences: Differences,
    /// How many of the records are rows of the history, and how many open dead letters.
    totals: Totals,
}

impl Pieces<'_> {
    async fn add_all(&mut self, chunk: &Chunk) -> Result<()> {
        let Settings { schemas, codec, .. } = self.settings;
        let records = chunk.records().map(|(_, record)| record);
        let mut decoder = schemas.decoder(codec, records.clone(), &self.decisions).await?;
        for record in records {
            decoder.make_room();
            self.add(&decoder, &record);
            if self.bytes >= PIECE_BYTES {
                self.compare(None).await?;
            }
        }
        // What it has translated is freed before the refused records are tried.
        drop(decoder);
        self.refusals.check(chunk, &self.decisions, &mut self.differences).await
    }

    fn add(&mut self, decoder: &Decoder, record: &Record<'_>) {
        let at = (record.partition, record.offset);
        let dead_letter = self.dead_letters.remove(&at);
        let decided = self.decisions.of(record.partition, record.offset);
        let admission = Admission::of(decoder, record, decided, dead_letter.as_ref());
        admission.count(&mut self.totals);
        let rows = self.expected.entry(record.partition).or_default();
        if let Some(columns) = rows::expected(decoder.topic(), record, &admission) {
            self.bytes += columns.bytes();
            rows.insert(record.offset, columns);
        }
        if let Some((event, _)) = &admission.event {
            let fact = event.fact.without_fields();
            match self.touched.get_mut(event.order_id.as_ref()) {
                Some(state) => state.add(fact),
                None => self.touched.entry(event.order_id.to_string()).or_default().add(fact),
            }
        }
        if let Some(mismatch) = admission.mismatch {
            self.differences.push(mismatch.at(at));
        }
        if admission.is_refused {
            self.refusals.add(at);
        }
        self.records += 1;
    }

    /// Compares the rows up to the last record that was read, or up to the end of the stretch.
    async fn compare(&mut self, end: Option<&Positions>) -> Result<()> {
        for (partition, expected) in std::mem::take(&mut self.expected) {
            let last = expected.last_key_value().map(|(offset, _)| Position::after(*offset));
            let from = self.compared.of(partition);
            let to = end.and_then(|end| end.get(partition)).or(last).unwrap_or(from);
            let ids: BTreeSet<String> = expected.values().map(|row| row.order_id().to_owned()).collect();
            let orders = OrderSet::Ids(ids.into_iter().collect());
            let scan = HistoryScan::of_orders(self.session, self.build, &orders, partition, from, to).await?;
            let stored = rows::stored(scan, partition, &mut self.differences).await?;
            rows::compare(partition, &expected, &stored, &mut self.differences);
            self.compared.insert(partition, to);
        }
        (self.records, self.bytes) = (0, 0);
        Ok(())
    }
}
