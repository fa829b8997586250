//! Where a record stands in the log, and what an offset means: said here once.

use std::fmt;

use crate::Time;

/// A partition of the topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition(pub i32);

/// The offset of one record that is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Offset(pub i64);

/// The offset of the *next* record to apply; never that of the last one. Position
/// 0 is "nothing applied", and the end offset of a partition is a position too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub i64);

impl Position {
    pub const START: Self = Self(0);

    /// Where a reader stands once it has applied the record at `offset`.
    #[must_use]
    pub fn after(offset: Offset) -> Self {
        Self(offset.0 + 1)
    }

    /// Whether the record at `offset` is still to be applied. Offsets have holes
    /// (transaction markers, compaction), so a later one is accepted as well.
    #[must_use]
    pub fn accepts(self, offset: Offset) -> bool {
        offset.0 >= self.0
    }

    /// How many offsets lie between this position and the end of the log.
    #[must_use]
    pub fn behind(self, end: Self) -> i64 {
        (end.0 - self.0).max(0)
    }
}

/// The total order of records: by append time, then partition, then offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogOrder {
    pub appended_at: Time,
    pub partition: Partition,
    pub offset: Offset,
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_accepts_the_next_record_and_later_ones_only() {
        for (position, offset, accepted) in [
            (0, 0, true),  // nothing applied yet
            (1, 0, false), // applied: a replay
            (1, 1, true),  // the next one
            (1, 5, true),  // over a hole
            (6, 5, false), // far behind: a message of an earlier assignment
        ] {
            assert_eq!(Position(position).accepts(Offset(offset)), accepted, "{position} {offset}");
        }
        assert_eq!(Position::after(Offset(4)), Position(5));
        assert_eq!(Position(3).behind(Position(5)), 2);
        assert_eq!(Position(5).behind(Position(3)), 0);
    }
}
