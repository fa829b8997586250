//! Where a record stands in the log. The meaning of an offset is defined here and nowhere else.

use std::fmt;

use crate::Time;

/// A partition of the topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition(pub i32);

/// The offset of a record in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Offset(pub i64);

/// The offset of the *next* record to apply, never that of the last one. At position 0 nothing has
/// been applied. The end offset of a partition is a position too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub i64);

impl Position {
    pub const START: Self = Self(0);

    /// The position of a reader that has applied the record at `offset`.
    #[must_use]
    pub fn after(offset: Offset) -> Self {
        Self(offset.0 + 1)
    }

    /// Whether the record at `offset` is still to be applied. Offsets have holes (transaction markers,
    /// compaction), so an offset beyond the position is accepted as well.
    #[must_use]
    pub fn accepts(self, offset: Offset) -> bool {
        offset.0 >= self.0
    }

    /// The number of offsets from this position to `end`; 0 if it lies beyond.
    #[must_use]
    pub fn behind(self, end: Self) -> i64 {
        (end.0 - self.0).max(0)
    }
}

/// The total order of records: by append time, then by partition, then by offset.
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
