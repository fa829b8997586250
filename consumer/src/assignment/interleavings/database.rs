//! The position rows of the builds.

use super::super::*;
use super::PARTITIONS;

pub struct Database {
    /// The last one is active.
    builds: Vec<[Row; PARTITIONS]>,
    highest: [Position; PARTITIONS],
}

#[derive(Clone, Copy)]
struct Row {
    epoch: u32,
    position: Position,
}

/// What a claim gives, and what a commit is checked against.
#[derive(Clone, Copy)]
pub struct Held {
    pub epoch: u32,
    pub position: Position,
}

#[derive(Clone, Copy)]
pub enum Refusal {
    Superseded,
    WentBack,
    OtherOwner,
}

impl Database {
    pub fn new() -> Self {
        let row = Row { epoch: 0, position: Position::START };
        Self { builds: vec![[row; PARTITIONS]], highest: [Position::START; PARTITIONS] }
    }

    pub fn active(&self) -> usize {
        self.builds.len() - 1
    }

    fn row(&mut self, partition: Partition) -> &mut Row {
        let active = self.active();
        &mut self.builds[active][partition.0 as usize]
    }

    pub fn positions(&self) -> Positions {
        let rows = self.builds[self.active()].map(|row| row.position);
        (0..PARTITIONS as i32).map(Partition).zip(rows).collect()
    }

    pub fn highest(&self, partition: Partition) -> Position {
        self.highest[partition.0 as usize]
    }

    pub fn claim(&mut self, partition: Partition) -> Held {
        let row = self.row(partition);
        row.epoch += 1;
        Held { epoch: row.epoch, position: row.position }
    }

    /// Whether a commit would be accepted.
    pub fn check(&mut self, build: usize, partition: Partition, held: Held) -> Result<(), Refusal> {
        if build != self.active() {
            return Err(Refusal::Superseded);
        }
        match *self.row(partition) {
            Row { epoch, .. } if epoch != held.epoch => Err(Refusal::OtherOwner),
            Row { position, .. } if position != held.position => Err(Refusal::WentBack),
            Row { .. } => Ok(()),
        }
    }

    pub fn advance(&mut self, partition: Partition) -> Position {
        let row = self.row(partition);
        row.position.0 += 1;
        let position = row.position;
        let highest = &mut self.highest[partition.0 as usize];
        *highest = position.max(*highest);
        position
    }

    pub fn steal(&mut self, partition: Partition, records: i64, end: Position) {
        self.claim(partition);
        for _ in 0..records.min(self.positions().of(partition).behind(end)) {
            self.advance(partition);
        }
    }

    pub fn switch(&mut self, partition: usize, back: i64) {
        let mut rows = self.builds[self.active()];
        rows[partition].position.0 = (rows[partition].position.0 - back).max(0);
        self.builds.push(rows);
    }

    pub fn go_back(&mut self, partition: usize, back: i64) {
        let row = self.row(Partition(partition as i32));
        row.position.0 = (row.position.0 - back).max(0);
    }
}
