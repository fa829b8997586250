//! Kafka: creating the topic, producing, reading in batches as a member of a group, reading ranges or
//! single records without one, and the log's identity. The only user of rdkafka.

mod bootstrap;
pub mod chunk;
pub mod client;
pub mod consumer;
pub mod ends;
pub mod error;
mod fingerprints;
mod generation;
mod group_generation;
mod group_mark;
mod heartbeat;
mod incoming;
mod key_partition;
pub mod lane_queue;
mod list_offsets;
mod owned;
mod owned_record;
pub mod pick;
pub mod produce;
mod producer_log;
mod quiet;
pub mod record_writer;
pub mod replay;
pub mod settings;
pub mod tail;
mod thread;
pub mod topic;
mod topic_id;
pub mod transactional_member;

pub use self::settings::{ConnectionArgs, GroupArgs, GroupId, KafkaArgs, KafkaSettings, topic_name};
pub use chunk::{Chunk, ChunkLimits};
pub use client::{LogClient, OffsetRange, OffsetRanges};
pub use consumer::{AssignmentId, Consumer, GroupEvent, Membership, ReadFrom, lane_of};
pub use ends::{EndsWatch, LogEnds};
pub use error::{Error, Result};
pub use fingerprints::{Fingerprint, Fingerprints};
pub use generation::Generation;
pub use group_mark::{GroupMark, SetMark};
pub use heartbeat::Heartbeat;
pub use incoming::{HeaderBytes, header_bytes};
pub use key_partition::partition_of_key;
pub use lane_queue::LaneQueue;
/// Programs that know nothing of orders need these, too.
pub use orders::{Offset, Partition, Position};
pub use owned_record::OwnedRecord;
pub use pick::pick;
pub use produce::{LogWriter, Outgoing, Sent, Totals};
pub use record_writer::{NewRecord, RecordWriter};
pub use replay::{Replay, Span};
pub use tail::{Tail, TailFrom};
pub use topic::{TimestampType, TopicSettings, TopicSpec, TopicState};
pub use topic::{ensure_topic, topic_settings, topic_warnings};
pub use transactional_member::{Committed, MemberStep, TopicPartition, TransactionalMember};
