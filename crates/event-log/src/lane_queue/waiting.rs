//! The chunks that wait for a lane, and which of them it takes next.
//!
//! Each partition has chunks of its own: a batch from one stretch of a partition has several records of most
//! of its orders, and writes a third fewer rows of `orders` than one that mixes partitions.

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};
use std::mem;

use orders::{Partition, Position};

use crate::chunk::{Chunk, ChunkLimits, Size};
use crate::generation::Generation;

/// How many full chunks' worth may wait before reading stops. One chunk's worth of all partitions together
/// leaves each of them too little for a long stretch; with three, batches are hardly longer than with two.
const FULL_CHUNKS: usize = 2;
/// Chunks are taken together until they hold this part of a full one. By then the transaction itself costs little
/// compared with its records, and what goes on waiting becomes a longer stretch.
const SMALL_PART: usize = 8;
/// How many takes pass a chunk over, for each partition that waits, before it comes first. If all partitions
/// are equally busy, each has its turn after half as many, so that the fullest chunk still comes first. With
/// half as many here, batches of a backlog in six partitions were 6 % smaller in a simulation; with more, none larger.
const PASSED_OVER_LIMIT: u64 = 2;
/// One is needed when a chunk grows, and one is given back after each transaction, which may come first.
const MOST_SPARE: usize = 2;

#[derive(Debug)]
pub(super) struct Waiting {
    limits: ChunkLimits,
    small: ChunkLimits,
    /// Only partitions of which something waits. The last chunk of each is being filled.
    partitions: BTreeMap<Partition, VecDeque<Begun>>,
    size: Size,
    takes: u64,
    /// Empty chunks with memory.
    spare: Vec<Chunk>,
}

#[derive(Debug)]
struct Begun {
    chunk: Chunk,
    /// How many takes there were before it.
    takes: u64,
}

/// A chunk that reaches these limits is worth a transaction of its own.
pub(super) fn small(limits: ChunkLimits) -> ChunkLimits {
    limits.share(SMALL_PART)
}

impl Waiting {
    pub(super) fn new(limits: ChunkLimits) -> Self {
        Self {
            limits,
            small: small(limits),
            partitions: BTreeMap::new(),
            size: Size::default(),
            takes: 0,
            spare: Vec::new(),
        }
    }

    pub(super) fn records(&self) -> usize {
        self.size.records
    }

    pub(super) fn is_full(&self) -> bool {
        let most = |limit: usize| limit.saturating_mul(FULL_CHUNKS);
        self.size.records >= most(self.limits.records) || self.size.bytes >= most(self.limits.bytes)
    }

    /// Lets `push` append one record of the partition. Returns whether a chunk was begun for it.
    pub(super) fn push(&mut self, partition: Partition, push: impl FnOnce(&mut Chunk)) -> bool {
        let chunks = self.partitions.entry(partition).or_default();
        let begins = chunks.back().is_none_or(|last| last.chunk.is_full(self.limits));
        if begins {
            chunks.push_back(Begun { chunk: Chunk::default(), takes: self.takes });
        }
        let Some(Begun { chunk, .. }) = chunks.back_mut() else { return false };
        let before = chunk.size();
        push(chunk);
        let after = chunk.size();
        self.size += after;
        self.size -= before;
        // Only a chunk that has grown gets memory that was used before, so that the memory of many partitions with
        // few records each stays small. A full one does not grow any more.
        let has_grown = !before.reaches(self.small) && after.reaches(self.small);
        if has_grown
            && !after.reaches(self.limits)
            && let Some(spare) = self.spare.pop()
        {
            let mut grown = mem::replace(chunk, spare);
            chunk.append(&mut grown);
        }
        begins
    }

    /// Adds an end after the records of its partition. Returns whether a chunk was begun for it.
    pub(super) fn end(&mut self, partition: Partition, end: Position, generation: Generation) -> bool {
        let chunks = self.partitions.entry(partition).or_default();
        let begins = chunks.is_empty();
        if begins {
            chunks.push_back(Begun { chunk: Chunk::default(), takes: self.takes });
        }
        if let Some(last) = chunks.back_mut() {
            last.chunk.end(partition, end, generation);
        }
        begins
    }

    /// Takes the next chunk, and small ones together: as many as are worth a transaction and fit into a chunk. Ends
    /// without records go along with any chunk. There are none if nothing waits.
    pub(super) fn take(&mut self) -> Vec<Chunk> {
        let mut taken = Vec::new();
        let mut size = Size::default();
        for partition in self.partitions_in_turn() {
            let Some(next) = self.first(partition).map(|first| first.chunk.size()) else { continue };
            let is_wanted = taken.is_empty()
                || next.records == 0
                || (!size.reaches(self.small) && (size + next).is_within(self.limits));
            if is_wanted && let Some(chunk) = self.take_first(partition) {
                size += next;
                taken.push(chunk);
            }
        }
        self.size -= size;
        self.takes += u64::from(!taken.is_empty());
        taken
    }

    /// Keeps the memory of an empty chunk for the next one that grows.
    pub(super) fn keep(&mut self, chunk: Chunk) {
        if self.spare.len() < MOST_SPARE {
            self.spare.push(chunk);
        }
    }

    #[cfg(test)]
    pub(super) fn spare(&self) -> &[Chunk] {
        &self.spare
    }

    /// The fullest first chunk comes first, because a full batch costs the least per record. But the oldest one
    /// precedes it once it has been passed over for too long, or else a partition with few records would wait for as
    /// long as others have many. Each take that passes a chunk over counts, so there is no need of a timer.
    fn partitions_in_turn(&self) -> Vec<Partition> {
        let mut firsts: Vec<_> = self
            .partitions
            .keys()
            .filter_map(|partition| Some((*partition, self.first(*partition)?)))
            .collect();
        firsts.sort_by_key(|(_, first)| Reverse(first.chunk.size().millionths_of(self.limits)));
        let limit = PASSED_OVER_LIMIT * firsts.len() as u64;
        let oldest = firsts.iter().enumerate().min_by_key(|(_, (_, first))| first.takes);
        if let Some((index, (_, first))) = oldest
            && self.takes - first.takes >= limit
        {
            firsts[..=index].rotate_right(1);
        }
        firsts.into_iter().map(|(partition, _)| partition).collect()
    }

    fn first(&self, partition: Partition) -> Option<&Begun> {
        self.partitions.get(&partition)?.front()
    }

    fn take_first(&mut self, partition: Partition) -> Option<Chunk> {
        let chunks = self.partitions.get_mut(&partition)?;
        let first = chunks.pop_front();
        if chunks.is_empty() {
            self.partitions.remove(&partition);
        }
        first.map(|first| first.chunk)
    }
}
