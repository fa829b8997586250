//! The records that were applied after state `verifying`, compared like those before, but only with the
//! rows that they touch. An order that they touch is folded from its complete history, so the time depends
//! on how long the histories of these orders are, but not on the size of the tables.

use std::collections::{BTreeMap, BTreeSet};

use event_log::{ChunkLimits, Replay, Span};
use orders::{Offset, Partition, Position, Positions, Record};
use views::decisions::{self, Decisions};
use views::rebuild::{HistoryScan, KnownDeadLetter, LogRows, OrderSet};
use views::{Build, Session, SessionKind};

use super::admission::{Admission, without_record};
use super::fold;
use super::rows::{self, Rows};
use crate::differences::Differences;
use crate::error::Result;
use crate::settings::Settings;

/// Records that are compared at a time.
const PIECE: usize = 10_000;

/// Compares what `build` holds of the records from `from` up to `to`, and the orders that these are about.
pub(in crate::steps) async fn compare(
    settings: &Settings,
    session: &Session,
    build: Build,
    from: &Positions,
    to: &Positions,
) -> Result<Differences> {
    let span = |(partition, to): (Partition, Position)| {
        let from = from.of(partition);
        (from < to).then_some((partition, Span { from, to }))
    };
    let spans: BTreeMap<Partition, Span> = to.iter().filter_map(span).collect();
    if spans.is_empty() {
        return Ok(Differences::default());
    }
    let starts: Positions = spans.iter().map(|(partition, span)| (*partition, span.from)).collect();
    let mut dead_letters = build.dead_letters(session, LogRows::All).await?;
    dead_letters
        .retain(|(partition, offset), _| starts.get(*partition).is_some_and(|start| start.accepts(*offset)));
    let mut stretch = Stretch {
        settings,
        build,
        decisions: decisions::ahead(session, &starts).await?,
        dead_letters,
        compared: starts,
        expected: BTreeMap::new(),
        records: 0,
        differences: Differences::default(),
    };
    let mut replay = Replay::start(&settings.kafka, spans, ChunkLimits::SMALL)?;
    while let Some(chunk) = replay.next().await {
        for (_, record) in chunk?.records() {
            stretch.add(&record);
        }
        if stretch.records >= PIECE {
            stretch.compare_piece(None).await?;
        }
    }
    stretch.compare_piece(Some(to)).await?;
    let Stretch { mut differences, dead_letters, .. } = stretch;
    for (at, dead_letter) in dead_letters {
        differences.push(without_record(at, dead_letter));
    }
    Ok(differences)
}

struct Stretch<'a> {
    settings: &'a Settings,
    build: Build,
    decisions: Decisions,
    /// Those whose records were not read yet.
    dead_letters: BTreeMap<(Partition, Offset), KnownDeadLetter>,
    /// Up to where the rows were compared.
    compared: Positions,
    /// The rows of the records that were read since.
    expected: BTreeMap<Partition, Rows>,
    records: usize,
    differences: Differences,
}

impl Stretch<'_> {
    fn add(&mut self, record: &Record<'_>) {
        let at = (record.partition, record.offset);
        let dead_letter = self.dead_letters.remove(&at);
        let decided = self.decisions.of(record.partition, record.offset);
        let codec = &self.settings.codec;
        let admission = Admission::of(codec, record, decided, dead_letter.as_ref());
        let rows = self.expected.entry(record.partition).or_default();
        if let Some(columns) = rows::expected(codec, record, &admission) {
            rows.insert(record.offset, columns);
        }
        if let Some(mismatch) = admission.mismatch {
            self.differences.push(mismatch.at(at));
        }
        self.records += 1;
    }

    /// Compares the rows up to the last record that was read, or up to the end of the stretch.
    async fn compare_piece(&mut self, end: Option<&Positions>) -> Result<()> {
        let database = &self.settings.database;
        let session = database.session("food-orders rebuild verify", SessionKind::Short).await?;
        let mut touched = BTreeSet::new();
        for (partition, expected) in std::mem::take(&mut self.expected) {
            let last = expected.last_key_value().map(|(offset, _)| Position::after(*offset));
            let from = self.compared.of(partition);
            let to = end.and_then(|end| end.get(partition)).or(last).unwrap_or(from);
            let ids: BTreeSet<String> = expected.values().map(|row| row.order_id().to_owned()).collect();
            touched.extend(ids.iter().cloned());
            let orders = OrderSet::Ids(ids.into_iter().collect());
            let scan = HistoryScan::of_orders(&session, self.build, &orders, partition, from, to).await?;
            let stored = rows::stored(scan, partition, &mut self.differences).await?;
            rows::compare(partition, &expected, &stored, &mut self.differences);
            self.compared.insert(partition, to);
        }
        self.records = 0;
        if !touched.is_empty() {
            let orders = OrderSet::Ids(touched.into_iter().collect());
            self.differences.extend(fold::compare_orders(database, self.build, &orders, |_| ()).await?);
        }
        Ok(())
    }
}
