//! Which process may write a partition: owner epochs, claims, and resuming after a reconnect.

mod claim;
mod frozen;
mod resume;

use orders::{Partition, Position};
use tokio_postgres::Row;

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
}

/// Reads a row that holds a partition, its next offset and its owner epoch.
fn held(row: &Row) -> (Partition, Held) {
    let held = Held { position: Position(row.get(1)), epoch: OwnerEpoch(row.get(2)) };
    (Partition(row.get(0)), held)
}

/// A subquery that identifies the session running the statement, by its pid and its start time in
/// microseconds.
const THIS_BACKEND: &str = "(SELECT pid || '@' || (extract(epoch FROM backend_start) * 1000000)::bigint AS id
    FROM pg_stat_activity WHERE pid = pg_backend_pid())";
