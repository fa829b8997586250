//! Which process may write a partition: owner epochs, claims, and resuming after a reconnect.

mod claim;
mod frozen;
mod resume;

use orders::{LogDigest, LogPrefix, Partition, Position};
use tokio_postgres::Row;

use crate::positions;

pub(crate) use claim::{claim, claim_building};
pub(crate) use resume::resume;

/// Every claim of a partition raises it. A commit under an older epoch is refused: its writer is fenced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OwnerEpoch(pub i64);

/// A partition that this process may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    pub epoch: OwnerEpoch,
    pub position: Position,
    /// The digest of the records below the position.
    pub digest: LogDigest,
}

/// What [`held`] reads of a position row `p`, in its order.
const HELD_COLUMNS: &str = "p.partition, p.next_offset, p.records, p.digest, p.owner_epoch";

fn held(row: &Row) -> (Partition, Held) {
    let (partition, LogPrefix { position, digest }) = positions::prefix(row);
    (partition, Held { epoch: OwnerEpoch(row.get(4)), position, digest })
}

/// A subquery that identifies the session running the statement, by its pid and its start time in
/// microseconds.
const THIS_BACKEND: &str = "(SELECT pid || '@' || (extract(epoch FROM backend_start) * 1000000)::bigint AS id
    FROM pg_stat_activity WHERE pid = pg_backend_pid())";
