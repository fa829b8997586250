//! Is this the log that the positions are about, and does it still hold what is to
//! be read next? If not, going on would skip or repeat: a person must decide.

use std::collections::BTreeMap;

use event_log::Ends;
use orders::{LogIdentity, Partition, Position};

/// Compares the log's ids with those that were recorded.
pub fn check(log: &LogIdentity, recorded: &LogIdentity) -> Result<(), String> {
    log.conflict_with(recorded).map_or(Ok(()), |conflict| {
        Err(format!(
            "another log: {conflict}; point KAFKA_BOOTSTRAP_SERVERS and KAFKA_TOPIC at the log that this database was \
             made from, or use an empty database"
        ))
    })
}

/// Compares positions with what the log holds.
pub fn check_positions(
    topic: &str,
    ends: &Ends,
    positions: &BTreeMap<Partition, Position>,
) -> Result<(), String> {
    for (partition, position) in positions {
        let Some(marks) = ends.get(partition) else {
            return Err(format!(
                "topic {topic} has {} partitions, but partition {partition} was applied up to offset {position}: \
                 this is another topic, or it was created anew; point KAFKA_BOOTSTRAP_SERVERS and KAFKA_TOPIC at \
                 the log that this database was made from, or use an empty database",
                ends.len()
            ));
        };
        if marks.low > *position {
            return Err(format!(
                "gap in topic {topic}, partition {partition}: the next offset to apply is {position}, but the log \
                 begins at {} now: offsets {position} to {} were deleted (retention or delete-records) before they \
                 were applied; restore them, start over with an empty database, or go on without them: \
                 --accept-gap {partition}={position}..{}",
                marks.low,
                marks.low.0 - 1,
                marks.low
            ));
        }
        if *position > marks.end {
            return Err(format!(
                "topic {topic}, partition {partition}, ends at {}, but it was applied up to offset {position}: the \
                 log was truncated or created anew; point KAFKA_BOOTSTRAP_SERVERS and KAFKA_TOPIC at the log that \
                 this database was made from, or rebuild from the log as it is now",
                marks.end
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use event_log::Watermarks;

    use super::*;

    fn checked(low: i64, end: i64, position: i64) -> Result<(), String> {
        let ends = BTreeMap::from([(Partition(0), Watermarks { low: Position(low), end: Position(end) })]);
        check_positions("food-orders", &ends, &BTreeMap::from([(Partition(0), Position(position))]))
    }

    #[test]
    fn positions_within_the_log_are_fine() {
        for (low, end, position) in [(0, 0, 0), (0, 9, 0), (0, 9, 9), (5, 9, 5)] {
            assert_eq!(checked(low, end, position), Ok(()));
        }
    }

    #[test]
    fn a_gap_names_its_offsets() {
        let message = checked(5, 9, 3).unwrap_err();
        assert!(message.contains("offsets 3 to 4 were deleted"), "{message}");
        assert!(checked(5, 9, 0).is_err(), "also at the first start");
    }

    #[test]
    fn a_position_beyond_the_end_is_another_log() {
        assert!(checked(0, 9, 10).unwrap_err().contains("truncated or created anew"));
        let other = check_positions("t", &Ends::new(), &BTreeMap::from([(Partition(0), Position(1))]));
        assert!(other.unwrap_err().contains("0 partitions"));
    }
}
