//! Generations of a partition's records.

/// Distinguishes the readings of a partition: raised each time its reading begins anew. Records
/// carry the generation that they were read under.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Generation(pub u32);
