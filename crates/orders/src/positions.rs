//! Positions of several partitions: an offset vector.

use std::collections::{BTreeMap, btree_map};
use std::fmt;

use crate::log::{Partition, Position};

/// The next offset to apply of each partition. A partition that is missing stands at the
/// start of the log. Printed as `0=12,1=9`, ordered by partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Positions(BTreeMap<Partition, Position>);

impl Positions {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Where a partition stands; [`Position::START`] if it is missing.
    #[must_use]
    pub fn of(&self, partition: Partition) -> Position {
        self.get(partition).unwrap_or(Position::START)
    }

    #[must_use]
    pub fn get(&self, partition: Partition) -> Option<Position> {
        self.0.get(&partition).copied()
    }

    /// Returns the position that the partition had before, if it had one.
    pub fn insert(&mut self, partition: Partition, position: Position) -> Option<Position> {
        self.0.insert(partition, position)
    }

    pub fn remove(&mut self, partition: Partition) -> Option<Position> {
        self.0.remove(&partition)
    }

    pub fn retain(&mut self, mut keep: impl FnMut(Partition, Position) -> bool) {
        self.0.retain(|partition, position| keep(*partition, *position));
    }

    #[must_use]
    pub fn contains(&self, partition: Partition) -> bool {
        self.0.contains_key(&partition)
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Ordered by partition.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (Partition, Position)> {
        self.0.iter().map(|(partition, position)| (*partition, *position))
    }

    /// In ascending order.
    pub fn partitions(&self) -> impl ExactSizeIterator<Item = Partition> {
        self.0.keys().copied()
    }

    /// Whether each partition that `ends` names stands at its end or beyond.
    #[must_use]
    pub fn have_reached(&self, ends: &Self) -> bool {
        ends.iter().all(|(partition, end)| self.of(partition) >= end)
    }
}

impl FromIterator<(Partition, Position)> for Positions {
    fn from_iter<I: IntoIterator<Item = (Partition, Position)>>(positions: I) -> Self {
        Self(positions.into_iter().collect())
    }
}

impl Extend<(Partition, Position)> for Positions {
    fn extend<I: IntoIterator<Item = (Partition, Position)>>(&mut self, positions: I) {
        self.0.extend(positions);
    }
}

impl IntoIterator for Positions {
    type Item = (Partition, Position);
    type IntoIter = btree_map::IntoIter<Partition, Position>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl fmt::Display for Positions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (partition, position)) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{partition}={position}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn positions(pairs: &[(i32, i64)]) -> Positions {
        pairs.iter().map(|(partition, position)| (Partition(*partition), Position(*position))).collect()
    }

    #[test]
    fn a_missing_partition_stands_at_the_start() {
        let some = positions(&[(1, 9)]);
        assert_eq!((some.of(Partition(0)), some.get(Partition(0))), (Position::START, None));
        assert_eq!(some.of(Partition(1)), Position(9));
    }

    #[test]
    fn ends_are_reached_when_each_of_them_is() {
        let ends = positions(&[(0, 0), (1, 9)]);
        assert!(positions(&[(1, 9), (7, 0)]).have_reached(&ends));
        assert!(positions(&[(1, 10)]).have_reached(&ends));
        assert!(!positions(&[(0, 5), (1, 8)]).have_reached(&ends));
        assert!(positions(&[]).have_reached(&positions(&[])));
    }

    #[test]
    fn they_print_by_partition() {
        assert_eq!(positions(&[(1, 9), (0, 12)]).to_string(), "0=12,1=9");
        assert_eq!(positions(&[]).to_string(), "");
    }
}
