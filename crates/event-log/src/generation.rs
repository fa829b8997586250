//! Generations of a partition's records.

/// Distinguishes the readings of a partition: every claim gets a higher one. Records carry the
/// generation under which they were read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Generation(pub u32);
