//! The log, read once more from offset 0 and hashed in blocks. Records that cannot be
//! decoded, or that an operator discarded, are compared with the build's dead letters.

use std::collections::BTreeMap;
use std::sync::Arc;

use event_log::{Chunk, ChunkLimits, KafkaSettings, Replay, Span, lane_of};
use orders::Partition;
use schema_registry::SchemaLookup;
use tokio::task::JoinSet;
use views::Totals;
use views::apply::{Codec, Decoder};
use views::decisions::Decisions;
use views::rebuild::KnownDeadLetters;

use super::admission::{Admission, without_record};
use super::blocks::Blocks;
use super::content::Content;
use super::refusals::Refusals;
use super::scope::Scope;
use crate::differences::Differences;
use crate::error::Result;
use crate::log_comparison::LogDifference;
use crate::log_readings::LogReadings;
use crate::meter::Meter;
use crate::settings::Settings;

const READERS: usize = 2;

/// What was read, and what was found on the way.
#[derive(Debug, Default)]
pub(in crate::steps) struct LogHash {
    pub(super) blocks: Blocks,
    pub(super) differences: Differences,
    /// Where the log no longer holds what the build has read.
    pub(super) lost: Vec<LogDifference>,
    /// How many records become rows of the history, and how many open dead letters.
    pub(super) totals: Totals,
}

pub(in crate::steps) async fn of(settings: &Settings, scope: &Scope, meter: &Arc<Meter>) -> Result<LogHash> {
    let mut dead_letters = scope.dead_letters.clone();
    let mut readers = JoinSet::new();
    for number in 0..READERS {
        let is_mine = |partition: Partition| lane_of(partition, READERS) == number;
        let spans: BTreeMap<Partition, Span> = scope
            .positions
            .iter()
            .filter(|(partition, to)| is_mine(*partition) && scope.begin(*partition) < *to)
            .map(|(partition, to)| (partition, Span { from: scope.begin(partition), to }))
            .collect();
        let log = scope.log.iter().filter(|(partition, _)| is_mine(**partition));
        let log = log.map(|(partition, read)| (*partition, read.clone())).collect();
        let reader = Reader {
            codec: settings.codec.clone(),
            schemas: settings.schemas.clone(),
            refusals: Refusals::new(settings, scope.build),
            dead_letters: dead_letters.extract_if(.., |(partition, _), _| is_mine(*partition)).collect(),
            decisions: scope.decisions.clone(),
            readings: LogReadings::new(&scope.log_since, log),
            blocks: Blocks::default(),
            details: String::new(),
            differences: Differences::default(),
            totals: Totals::default(),
        };
        readers.spawn(reader.read(settings.kafka.clone(), spans, Arc::clone(meter)));
    }
    let mut hash = LogHash::default();
    while let Some(reader) = readers.join_next().await {
        let reader = reader??;
        hash.blocks.merge(reader.blocks);
        hash.differences.extend(reader.differences);
        hash.lost.extend(reader.readings.differences());
        hash.totals += reader.totals;
    }
    Ok(hash)
}

/// Reads some of the partitions.
struct Reader {
    codec: Codec,
    schemas: SchemaLookup,
    refusals: Refusals,
    /// The dead letters whose record was not read yet.
    dead_letters: KnownDeadLetters,
    decisions: Decisions,
    readings: LogReadings,
    blocks: Blocks,
    /// Scratch space for the details of one record.
    details: String,
    differences: Differences,
    totals: Totals,
}

impl Reader {
    async fn read(
        mut self,
        kafka: KafkaSettings,
        spans: BTreeMap<Partition, Span>,
        meter: Arc<Meter>,
    ) -> Result<Self> {
        if !spans.is_empty() {
            let mut replay = Replay::start(&kafka, spans, ChunkLimits::SMALL)?;
            while let Some(chunk) = replay.next().await {
                let chunk = chunk?;
                let records = chunk.records().map(|(_, record)| record);
                let decoder = self.schemas.decoder(&self.codec, records, &self.decisions).await?;
                self.add(&chunk, decoder);
                self.refusals.check(&chunk, &self.decisions, &mut self.differences).await?;
                meter.add(chunk.len() as u64);
            }
        }
        self.add_unmatched_dead_letters();
        Ok(self)
    }

    fn add(&mut self, chunk: &Chunk, mut decoder: Decoder) {
        self.readings.add(chunk);
        for (_, record) in chunk.records() {
            decoder.make_room();
            let at = (record.partition, record.offset);
            let dead_letter = self.dead_letters.remove(&at);
            let decided = self.decisions.of(record.partition, record.offset);
            let admission = Admission::of(&decoder, &record, decided, dead_letter.as_ref());
            admission.count(&mut self.totals);
            if let Some((event, decision)) = &admission.event {
                let (topic, details) = (&self.codec.topic, &mut self.details);
                self.blocks.add(&Content::of_record(topic, &record, event, *decision, details));
            }
            if let Some(mismatch) = admission.mismatch {
                self.differences.push(mismatch.at(at));
            }
            if admission.is_refused {
                self.refusals.add(at);
            }
        }
    }

    /// Dead letters whose records are not in the log.
    fn add_unmatched_dead_letters(&mut self) {
        for (at, dead_letter) in std::mem::take(&mut self.dead_letters) {
            self.differences.push(without_record(at, dead_letter));
        }
    }
}
