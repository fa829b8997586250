//! Reads the log before anything is loaded, and compares it with what the live build has read, so
//! that a log that has lost records is refused early.

use std::collections::BTreeMap;
use std::time::Duration;

use event_log::{ChunkLimits, KafkaSettings, Replay, Span};
use orders::{Partition, Positions};
use tokio::time::Instant;

use crate::error::Result;
use crate::log_comparison::{LogComparison, ReadLog};
use crate::log_readings::LogReadings;

/// How long it may take. What is not compared here is compared once it is loaded.
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// `begins`: the first offsets that the log still has.
pub(super) async fn compare(
    kafka: &KafkaSettings,
    live: ReadLog,
    begins: &Positions,
) -> Result<LogComparison> {
    let deadline = Instant::now() + TIME_LIMIT;
    let spans: BTreeMap<Partition, Span> = live
        .iter()
        .filter_map(|(partition, live)| {
            let (from, to) = (begins.get(*partition)?, live.last()?.position);
            (from < to).then_some((*partition, Span { from, to }))
        })
        .collect();
    let mut readings = LogReadings::new(&BTreeMap::new(), live);
    if !spans.is_empty() {
        let mut replay = Replay::start(kafka, spans, ChunkLimits::SMALL)?;
        while let Ok(Some(chunk)) = tokio::time::timeout_at(deadline, replay.next()).await {
            readings.add(&chunk?);
            if readings.are_over() {
                break;
            }
        }
    }
    let (records_compared, records_total) = readings.records();
    Ok(LogComparison { records_compared, records_total, differences: readings.differences() })
}
