//! What a lane is made with.

use crate::apply::Codec;
use crate::connect::Database;
use crate::session::SynchronousCommit;

/// What a lane needs to open its session.
#[derive(Clone, Debug)]
pub struct LaneOptions {
    pub database: Database,
    /// The size limit of the build counts, if it was made with another one.
    pub codec: Codec,
    /// The consumer group that this lane belongs to; `None`: no group, as in a rebuild.
    pub group: Option<String>,
    /// Names the process in the position rows.
    pub owner: String,
    pub synchronous_commit: SynchronousCommit,
    /// Whether a flood of dead letters stops it.
    pub has_breaker: bool,
}
