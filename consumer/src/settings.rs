//! The consumer's validated settings.

use std::net::SocketAddr;

use event_log::{ChunkLimits, GroupId, KafkaSettings};
use schema_registry::SchemaLookup;
use views::apply::Codec;
use views::gaps::Gap;
use views::{Database, SynchronousCommit};

/// Validated settings.
#[derive(Debug)]
pub struct Settings {
    pub kafka: KafkaSettings,
    pub group: GroupId,
    /// The name of this consumer, if it was given one.
    pub name: Option<String>,
    pub database: Database,
    pub metrics_listen: Option<SocketAddr>,
    pub until_caught_up: bool,
    pub lanes: usize,
    pub limits: ChunkLimits,
    pub codec: Codec,
    /// Adds to the schemas of `codec`.
    pub schemas: SchemaLookup,
    pub synchronous_commit: SynchronousCommit,
    pub has_breaker: bool,
    pub accepted_gaps: Vec<Gap>,
    /// Whether to start although the last applied records could not be compared with the log.
    pub accepts_unverified_log: bool,
    /// Whether the group may be taken over from another database, if it has no members.
    pub takes_over_group: bool,
}
