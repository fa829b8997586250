//! The partitions of one lane: those that it has yet to claim, and those that it holds.

use std::collections::BTreeMap;

use event_log::Generation;
use orders::{Partition, Position};

use crate::assignment::LanePosition;

#[derive(Debug, Default)]
pub struct LanePartitions {
    wanted: BTreeMap<Partition, Generation>,
    held: BTreeMap<Partition, Generation>,
}

impl LanePartitions {
    pub fn want(&mut self, partitions: impl IntoIterator<Item = (Partition, Generation)>) {
        self.wanted.extend(partitions);
    }

    /// The partitions are neither wanted nor held any more.
    pub fn release(&mut self, partitions: &[Partition]) {
        self.wanted.retain(|partition, _| !partitions.contains(partition));
        self.held.retain(|partition, _| !partitions.contains(partition));
    }

    pub fn wants_any(&self) -> bool {
        !self.wanted.is_empty()
    }

    pub fn holds_any(&self) -> bool {
        !self.held.is_empty()
    }

    pub fn wanted(&self) -> Vec<Partition> {
        self.wanted.keys().copied().collect()
    }

    /// Marks wanted partitions as held, now that they have been claimed.
    pub fn claimed(
        &mut self,
        positions: impl IntoIterator<Item = (Partition, Position)>,
    ) -> Vec<LanePosition> {
        let claim = |(partition, position)| {
            let generation = self.wanted.remove(&partition)?;
            self.held.insert(partition, generation);
            Some(LanePosition { partition, generation, position })
        };
        positions.into_iter().filter_map(claim).collect()
    }

    /// Gives up everything that is held. What is wanted stays wanted.
    pub fn give_up(&mut self) -> Vec<(Partition, Generation)> {
        std::mem::take(&mut self.held).into_iter().collect()
    }

    /// Whether a record that was read under this generation is to be applied.
    pub fn holds(&self, partition: Partition, generation: Generation) -> bool {
        self.held.get(&partition) == Some(&generation)
    }

    /// Adds the generations to positions of partitions that are held.
    pub fn at(&self, positions: impl IntoIterator<Item = (Partition, Position)>) -> Vec<LanePosition> {
        let at = |(partition, position)| {
            Some(LanePosition { partition, generation: *self.held.get(&partition)?, position })
        };
        positions.into_iter().filter_map(at).collect()
    }
}
