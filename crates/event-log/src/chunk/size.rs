//! How much a chunk holds, and how much it may hold.

use std::ops::{Add, AddAssign, SubAssign};

/// How much a chunk may hold before the next one is started. A record is never split, so a chunk may
/// exceed `bytes` by one record.
#[derive(Clone, Copy, Debug)]
pub struct ChunkLimits {
    pub records: usize,
    pub bytes: usize,
}

/// No chunk is filled beyond this, so that positions in its memory fit into 32 bits even after one more
/// record, which has less than 2 GiB.
const MAX_BYTES: usize = 1 << 30;

impl ChunkLimits {
    /// For readers that process one record at a time: larger chunks would only use memory.
    pub const SMALL: Self = Self { records: 2000, bytes: 1 << 20 };

    /// The limits of chunks that are this many times smaller. At least one record reaches them.
    pub(crate) fn share(self, times: usize) -> Self {
        Self { records: (self.records / times).max(1), bytes: (self.bytes / times).max(1) }
    }
}

impl Default for ChunkLimits {
    fn default() -> Self {
        Self { records: 20_000, bytes: 8 << 20 }
    }
}

/// How much records take up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) records: usize,
    pub(crate) bytes: usize,
}

impl Size {
    pub(crate) fn reaches(self, limits: ChunkLimits) -> bool {
        self.records >= limits.records || self.bytes >= limits.bytes.min(MAX_BYTES)
    }

    pub(crate) fn is_within(self, limits: ChunkLimits) -> bool {
        self.records <= limits.records && self.bytes <= limits.bytes.min(MAX_BYTES)
    }

    /// How much of the limits it takes up, by the limit that is nearer, in millionths.
    pub(crate) fn millionths_of(self, limits: ChunkLimits) -> u64 {
        let of = |part: usize, whole: usize| part as u64 * 1_000_000 / whole.max(1) as u64;
        of(self.records, limits.records).max(of(self.bytes, limits.bytes.min(MAX_BYTES)))
    }
}

impl Add for Size {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { records: self.records + other.records, bytes: self.bytes + other.bytes }
    }
}

impl AddAssign for Size {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for Size {
    fn sub_assign(&mut self, other: Self) {
        self.records -= other.records;
        self.bytes -= other.bytes;
    }
}
