//! Why a gap that an operator names with `--accept-gap` is not accepted.

use orders::{Partition, Position};
use views::gaps::Gap;

/// See the module.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("--accept-gap {}={}..{} refused: {reason}", .gap.partition, .gap.from, .gap.to)]
pub struct GapRefused {
    pub gap: Gap,
    pub reason: Reason,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    #[error("the log has no partition {0}")]
    NoPartition(Partition),
    #[error("partition {0} begins at offset {1} in the log")]
    BeginsElsewhere(Partition, Position),
    #[error("the next offset to apply is {0}")]
    NotNext(Position),
}
