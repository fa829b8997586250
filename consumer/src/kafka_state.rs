//! What the end offsets say about Kafka, for the health check `kafka`.

use std::time::Duration;

use event_log::LogEnds;
use orders::Partition;

/// Kafka counts as away once the end offsets are this old.
const KAFKA_AWAY_AFTER: Duration = Duration::from_secs(10);

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

/// The same while nothing has been answered yet, for as long as `waited`.
pub fn unknown_state(waited: Duration) -> Result<(), String> {
    match waited < KAFKA_AWAY_AFTER {
        true => Ok(()),
        false => Err(format!("no end offsets within {} s", waited.as_secs())),
    }
}

pub fn list<'a>(partitions: impl IntoIterator<Item = &'a Partition>) -> String {
    partitions.into_iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    /// Ends that were asked for just now, with a partition that has not answered for as long as this.
    fn silent_for(seconds: u64) -> LogEnds {
        let since = Instant::now().checked_sub(Duration::from_secs(seconds)).unwrap();
        LogEnds { silent: [(Partition(3), since)].into(), ..LogEnds::of([]) }
    }

    #[test]
    fn a_partition_that_is_silent_for_long_is_named() {
        assert_eq!(kafka_state(&silent_for(2)), Ok(()), "its leader may be moving");
        assert!(kafka_state(&silent_for(11)).unwrap_err().ends_with(": 3"));
    }

    #[test]
    fn ends_that_are_old_or_never_came_mean_that_kafka_is_away() {
        let asked_at = Instant::now().checked_sub(Duration::from_secs(12)).unwrap();
        let old = LogEnds { asked_at, ..LogEnds::of([]) };
        assert_eq!(kafka_state(&old).unwrap_err(), "no answer for 12 s");
        assert_eq!(unknown_state(Duration::from_secs(9)), Ok(()));
        assert_eq!(unknown_state(Duration::from_secs(10)).unwrap_err(), "no end offsets within 10 s");
    }
}
