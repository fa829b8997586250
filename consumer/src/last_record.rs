//! Does the log still hold the very record that was applied last? A log that was truncated
//! and has grown again since has the same ids and is long enough: only its content tells.

use std::collections::BTreeMap;

use event_log::{ChunkLimits, Ends, KafkaSettings, Replay, Span};
use orders::{Partition, Position};
use service::{Exit, Failure};

/// Compares the fingerprints of the last applied records with what the log has at their places.
/// A record that is not there any more, by retention or compaction, proves nothing.
pub async fn check(
    kafka: &KafkaSettings,
    ends: &Ends,
    fingerprints: &BTreeMap<Partition, String>,
) -> Result<(), Failure> {
    let spans: BTreeMap<_, _> = fingerprints
        .iter()
        .filter_map(|(partition, fingerprint)| {
            let from = Position(fingerprint.split(':').next()?.parse().ok()?);
            let to = Position(from.0 + 1);
            let marks = ends.get(partition)?;
            (marks.low <= from && to <= marks.end).then_some((*partition, Span { from, to }))
        })
        .collect();
    if spans.is_empty() {
        return Ok(());
    }
    let mut replay = Replay::start(kafka, spans, ChunkLimits::default())?;
    while let Some(chunk) = replay.next().await {
        for (_, record) in chunk?.records() {
            let Some(expected) = fingerprints.get(&record.partition) else { continue };
            let found = record.fingerprint();
            if *expected != found {
                return Err(Failure::new(
                    Exit::LogIdentity,
                    format!(
                        "topic {}, partition {}: offset {} holds another record than the one that was applied \
                         ({found} instead of {expected}): the log was truncated, and written anew from there; rebuild \
                         from the log as it is now",
                        kafka.topic, record.partition, record.offset
                    ),
                ));
            }
        }
    }
    Ok(())
}
