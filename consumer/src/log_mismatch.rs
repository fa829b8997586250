//! How a log differs from the one that the positions belong to, and what to do in each case.

use orders::{OtherLog, Partition, Position};

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogMismatch {
    #[error(
        "another log: {0}; point KAFKA_BOOTSTRAP_SERVERS and KAFKA_TOPIC at the log that this database was made from, \
         or use an empty database with --take-over-group"
    )]
    OtherLog(OtherLog),

    #[error(
        "topic {topic} has {partitions} partitions, but partition {partition} was applied up to offset {position}: \
         this is another topic, or it was created again; point KAFKA_BOOTSTRAP_SERVERS and KAFKA_TOPIC at the log that \
         this database was made from, or use an empty database with --take-over-group"
    )]
    NoPartition { topic: String, partition: Partition, position: Position, partitions: usize },

    #[error(
        "gap in topic {topic}, partition {partition}: the next offset to apply is {position}, but the log begins at \
         {low_watermark} now: offsets {position} to {} were deleted (by retention or delete-records) before they were \
         applied; restore them, start over with an empty database and --take-over-group, or go on without them: \
         --accept-gap {partition}={position}..{low_watermark}",
        .low_watermark.0 - 1
    )]
    Gap { topic: String, partition: Partition, position: Position, low_watermark: Position },

    #[error(
        "topic {topic}, partition {partition}, ends at {end_offset}, but it was applied up to offset {position}: the \
         log was truncated or created again; point KAFKA_BOOTSTRAP_SERVERS and KAFKA_TOPIC at the log that this \
         database was made from, or rebuild from the log as it is now"
    )]
    BeyondEnd { topic: String, partition: Partition, position: Position, end_offset: Position },

    #[error(
        "topic {topic}, partition {partition}: the record that was applied last (offset:time:hash {recorded}) is a \
         different one now ({found}): the log was truncated and written again (an unclean leader election, or a \
         restored broker); rebuild from the log as it is now with an empty database and --take-over-group, or point KAFKA_BOOTSTRAP_SERVERS \
         at the log that this database was made from"
    )]
    WrittenAnew { topic: String, partition: Partition, recorded: String, found: String },
}
