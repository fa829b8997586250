//! Hashes of blocks of the log. Blocks with equal hashes need no closer look.

use std::collections::{BTreeMap, HashMap};

use orders::{Offset, Partition, Position};

use super::content::Content;
use super::content_hash::{ContentHasher, ContentSum};

/// Offsets in one block.
pub(super) const SIZE: i64 = 4096;

/// The [`SIZE`] offsets of one partition that begin at `number` × [`SIZE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Block {
    pub(super) partition: Partition,
    pub(super) number: i64,
}

impl Block {
    pub(super) fn of(partition: Partition, offset: Offset) -> Self {
        Self { partition, number: offset.0.div_euclid(SIZE) }
    }

    /// The offsets of this block below `end`.
    pub(super) fn offsets(self, end: Position) -> (Position, Position) {
        let from = Position(self.number * SIZE);
        (from, Position((from.0 + SIZE).min(end.0.max(from.0))))
    }
}

/// The records of each block.
#[derive(Debug, Default)]
pub(in crate::steps) struct Blocks {
    sums: HashMap<Block, ContentSum>,
    hasher: ContentHasher,
}

impl Blocks {
    pub(in crate::steps) fn add(&mut self, content: &Content<'_>) {
        let hash = self.hasher.hash(content);
        self.sums.entry(Block::of(content.partition, content.offset)).or_default().add(hash);
    }

    pub(in crate::steps) fn merge(&mut self, other: Self) {
        for (block, sum) in other.sums {
            self.sums.entry(block).or_default().merge(sum);
        }
    }
}

/// The blocks that are not the same on both sides, in ascending order.
pub(super) fn differing(one: &Blocks, other: &Blocks) -> Vec<Block> {
    let mut all: BTreeMap<Block, bool> = BTreeMap::new();
    for block in one.sums.keys().chain(other.sums.keys()) {
        all.entry(*block).or_insert_with(|| one.sums.get(block) != other.sums.get(block));
    }
    all.into_iter().filter(|(_, differs)| *differs).map(|(block, _)| block).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::steps::verify::content::tests::content;

    #[test]
    fn blocks_differ_by_their_records_but_not_by_the_order_of_the_records() {
        let (mut one, mut other) = (Blocks::default(), Blocks::default());
        for offset in 0..10_000 {
            one.add(&content(offset, "a"));
        }
        let mut half = Blocks::default();
        for offset in (0..10_000).rev() {
            let side = if offset % 2 == 0 { &mut other } else { &mut half };
            side.add(&content(offset, "a"));
        }
        other.merge(half);
        assert!(differing(&one, &other).is_empty());
        other.add(&content(5000, "b"));
        let expected = Block { partition: Partition(0), number: 1 };
        assert_eq!(differing(&one, &other), [expected]);
        assert_eq!(expected.offsets(Position(5001)), (Position(4096), Position(5001)));
        assert_eq!(expected.offsets(Position(99_999)), (Position(4096), Position(8192)));
    }
}
