//! Reads the log before anything is loaded, and compares it with what the live build has read, so
//! that a log that has lost records is refused early.

use std::collections::BTreeMap;
use std::time::Duration;

use event_log::{ChunkLimits, KafkaSettings, Replay, Span};
use orders::{LogDigest, LogPrefix, Partition, Position, Positions, Record};
use tokio::time::Instant;

use crate::error::Result;
use crate::log_comparison::{LiveLog, LogComparison, first_difference};

/// How long it may take. What is not compared here is compared once it is loaded.
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// `begins`: the first offsets that the log still has.
pub(super) async fn compare(
    kafka: &KafkaSettings,
    live: LiveLog,
    begins: &Positions,
) -> Result<LogComparison> {
    let deadline = Instant::now() + TIME_LIMIT;
    let mut readings: BTreeMap<Partition, Reading> =
        live.into_iter().map(|(partition, live)| (partition, Reading::new(live))).collect();
    let spans: BTreeMap<Partition, Span> = readings
        .iter()
        .filter_map(|(partition, reading)| {
            let from = begins.get(*partition)?;
            let to = reading.live.last()?.position;
            (from < to).then_some((*partition, Span { from, to }))
        })
        .collect();
    if !spans.is_empty() {
        let mut replay = Replay::start(kafka, spans, ChunkLimits::SMALL)?;
        while let Ok(Some(chunk)) = tokio::time::timeout_at(deadline, replay.next()).await {
            let chunk = chunk?;
            for (_, record) in chunk.records() {
                if let Some(reading) = readings.get_mut(&record.partition) {
                    reading.add(&record);
                }
            }
            for (partition, end, _) in chunk.ends() {
                if let Some(reading) = readings.get_mut(&partition) {
                    reading.reach(end);
                }
            }
            if readings.values().all(Reading::is_over) {
                break;
            }
        }
    }
    let mut comparison = LogComparison::default();
    for (partition, reading) in &readings {
        comparison.records_total += reading.live.last().map_or(0, |last| last.digest.records);
        comparison.records_compared += reading.compared;
        comparison.differences.extend(first_difference(*partition, &reading.live, &reading.read));
    }
    Ok(comparison)
}

/// How far a partition is read.
struct Reading {
    live: Vec<LogPrefix>,
    /// What the log held up to each of the positions in `live` that was reached.
    read: Vec<LogPrefix>,
    digest: LogDigest,
    /// Records of the live build below the last position that was reached.
    compared: u64,
    differs: bool,
}

impl Reading {
    fn new(live: Vec<LogPrefix>) -> Self {
        let digest = LogDigest::default();
        let mut reading = Self { live, read: Vec::new(), digest, compared: 0, differs: false };
        reading.reach(Position::START);
        reading
    }

    fn add(&mut self, record: &Record<'_>) {
        self.reach(Position(record.offset.0));
        self.digest.add(record);
    }

    fn reach(&mut self, position: Position) {
        while let Some(next) = self.live.get(self.read.len()).filter(|next| next.position <= position)
            && !self.differs
        {
            self.differs = next.digest != self.digest;
            self.compared = next.digest.records;
            self.read.push(LogPrefix { position: next.position, digest: self.digest });
        }
    }

    /// Whether nothing more can be learned about this partition.
    fn is_over(&self) -> bool {
        self.differs || self.read.len() == self.live.len()
    }
}
