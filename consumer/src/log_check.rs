//! Whether the log is still the one that the positions belong to, and still holds what is to be
//! applied next. If not, going on would skip records or repeat them, so a person must decide.
//!
//! Three things are compared with what was recorded: the ids of the cluster and the topic, the offsets
//! that the log holds, and the record at the offset that was applied last. Only the third comparison
//! detects a log that was truncated and then written again up to the same offsets.

mod fingerprints;
mod unverified;

use std::time::{Duration, Instant};

use event_log::{EndsWatch, LogEnds, OffsetRanges};
use orders::{LogIdentity, Positions};
use service::Failure;
use tokio::time::timeout;

use crate::error::Error;
use crate::log_mismatch::LogMismatch;

pub use fingerprints::{verify_fingerprints, watch_fingerprints};

/// How long a failure waits for the offsets that explain it.
const EXPLANATION_LIMIT: Duration = Duration::from_secs(3);

#[derive(Debug)]
pub struct LogCheck {
    topic: String,
    recorded: LogIdentity,
    /// When positions were noted, and the positions. Only end offsets that were requested later can be
    /// compared with them, since the log may have been shorter earlier.
    noted: (Instant, Positions),
}

impl LogCheck {
    /// `recorded`: the log that the active build was made from.
    pub fn new(recorded: LogIdentity) -> Self {
        let topic = recorded.topic.clone();
        Self { topic, recorded, noted: (Instant::now(), Positions::new()) }
    }

    /// Compares the log's latest state with the recorded identity, and with positions that were noted
    /// before that state was requested.
    pub fn check(&mut self, ends: &LogEnds, positions: &Positions) -> Result<(), LogMismatch> {
        if let Some(found) = &ends.identity {
            check_identity(found, &self.recorded)?;
        }
        let (noted_at, noted) = &self.noted;
        if ends.asked_at > *noted_at {
            check_positions(&self.topic, &ends.ranges, &answered(ends, noted))?;
            self.noted = (Instant::now(), positions.clone());
        }
        Ok(())
    }

    /// The failure to report after the broker refused to read from a position. It names the offsets
    /// that the log holds now, if they arrive soon; earlier answers may predate the loss.
    pub async fn explain(&self, error: event_log::Error, ends: &EndsWatch, positions: &Positions) -> Failure {
        let now = Instant::now();
        let mut latest = ends.latest.clone();
        let since = latest.wait_for(|ends| ends.as_ref().is_some_and(|ends| ends.asked_at > now));
        let found = match timeout(EXPLANATION_LIMIT, since).await {
            Ok(Ok(ends)) => ends.as_ref().map_or(Ok(()), |ends| {
                check_positions(&self.topic, &ends.ranges, &answered(ends, positions))
            }),
            Ok(Err(_)) | Err(_) => Ok(()),
        };
        found.map_or_else(Error::from, |()| Error::from(error)).into_failure()
    }
}

/// The positions of the partitions whose ranges are no older than the others'.
fn answered(ends: &LogEnds, positions: &Positions) -> Positions {
    positions.iter().filter(|(partition, _)| !ends.silent.contains_key(partition)).collect()
}

/// Compares the ids of a log with those that were recorded.
pub fn check_identity(found: &LogIdentity, recorded: &LogIdentity) -> Result<(), LogMismatch> {
    found.conflict_with(recorded).map_or(Ok(()), |other| Err(LogMismatch::OtherLog(other)))
}

/// Compares positions with the offsets that the log holds.
pub fn check_positions(topic: &str, ranges: &OffsetRanges, positions: &Positions) -> Result<(), LogMismatch> {
    for (partition, position) in positions.iter() {
        let topic = topic.to_owned();
        let Some(range) = ranges.get(&partition) else {
            return Err(LogMismatch::NoPartition { topic, partition, position, partitions: ranges.len() });
        };
        if range.low_watermark > position {
            return Err(LogMismatch::Gap { topic, partition, position, low_watermark: range.low_watermark });
        }
        if position > range.end_offset {
            return Err(LogMismatch::BeyondEnd { topic, partition, position, end_offset: range.end_offset });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use event_log::OffsetRange;
    use orders::{Partition, Position};

    use super::*;

    const PARTITION: Partition = Partition(0);

    fn checked(low: i64, end: i64, position: i64) -> Result<(), LogMismatch> {
        let range = OffsetRange { low_watermark: Position(low), end_offset: Position(end) };
        let positions = Positions::from_iter([(PARTITION, Position(position))]);
        check_positions("food-orders", &[(PARTITION, range)].into(), &positions)
    }

    #[test]
    fn positions_within_the_log_are_fine() {
        for (low, end, position) in [(0, 0, 0), (0, 9, 0), (0, 9, 9), (5, 9, 5)] {
            assert_eq!(checked(low, end, position), Ok(()));
        }
    }

    #[test]
    fn a_gap_names_its_offsets() {
        let message = checked(5, 9, 3).unwrap_err().to_string();
        assert!(message.contains("offsets 3 to 4 were deleted"), "{message}");
        assert!(message.ends_with("--accept-gap 0=3..5"), "{message}");
        assert!(checked(5, 9, 0).is_err(), "also at the first start");
    }

    #[test]
    fn a_position_beyond_the_end_is_another_log() {
        assert!(checked(0, 9, 10).unwrap_err().to_string().contains("truncated or created again"));
        let positions = Positions::from_iter([(PARTITION, Position(1))]);
        let other = check_positions("t", &OffsetRanges::new(), &positions);
        assert!(other.unwrap_err().to_string().contains("has 0 partitions"));
    }

    #[test]
    fn ends_are_compared_with_positions_noted_before_the_request() {
        let identity =
            LogIdentity { cluster_id: "c".into(), topic: "t".into(), topic_id: None, partitions: 1 };
        let mut check = LogCheck::new(identity);
        let at = |position| Positions::from_iter([(PARTITION, Position(position))]);
        let earlier = LogEnds::of([(PARTITION, Position(5))]);
        assert_eq!(check.check(&earlier, &at(7)), Ok(()), "the log has grown since the request");
        assert_eq!(check.check(&earlier, &at(7)), Ok(()), "the same answer once more");
        let silent = LogEnds { silent: [(PARTITION, Instant::now())].into(), ..LogEnds::of([]) };
        assert_eq!(check.check(&silent, &at(7)), Ok(()), "a partition without a leader");
        let later = LogEnds::of([(PARTITION, Position(5))]);
        assert!(matches!(check.check(&later, &at(7)), Err(LogMismatch::BeyondEnd { .. })));
    }
}
