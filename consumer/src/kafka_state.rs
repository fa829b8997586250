//! What the end offsets say about Kafka, for the health check `kafka`.

use std::time::Duration;

use event_log::LogEnds;
use orders::Partition;

/// Kafka counts as away once the end offsets are this old.
pub const KAFKA_AWAY_AFTER: Duration = Duration::from_secs(10);

/// Whether Kafka answers, for all partitions.
pub fn kafka_state(ends: &LogEnds) -> Result<(), String> {
    let age = ends.asked_at.elapsed();
    if age >= KAFKA_AWAY_AFTER {
        return Err(format!("no answer for {} s", age.as_secs()));
    }
    let silent = ends.silent.iter().filter(|(_, since)| since.elapsed() >= KAFKA_AWAY_AFTER);
    let silent: Vec<_> = silent.map(|(partition, _)| *partition).collect();
    match silent.is_empty() {
        true => Ok(()),
        false => Err(format!("partitions without a leader, or without an answer: {}", list(&silent))),
    }
}

pub fn list<'a>(partitions: impl IntoIterator<Item = &'a Partition>) -> String {
    partitions.into_iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}
