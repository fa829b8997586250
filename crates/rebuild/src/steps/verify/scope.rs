//! What is verified, and up to where.

use std::collections::BTreeMap;

use orders::{Offset, Partition, Position, Positions};
use views::decisions::{self, Decisions};
use views::rebuild::{KnownDeadLetter, LogRows};
use views::{Build, Session};

use crate::error::Result;
use crate::plan::Plan;

#[derive(Clone, Debug)]
pub(super) struct Scope {
    pub(super) build: Build,
    pub(super) positions: Positions,
    pub(super) dead_letters: BTreeMap<(Partition, Offset), KnownDeadLetter>,
    pub(super) decisions: Decisions,
    /// Rows of records that were taken over from the live build are not compared with the log.
    pub(super) rows: LogRows,
    /// The first offsets that the log had when the rebuild was planned; a partition that is missing had all.
    begins: Positions,
}

impl Scope {
    /// `kept`: the plan, if records were taken over from the live build.
    pub(super) async fn read(session: &Session, build: Build, kept: Option<&Plan>) -> Result<Self> {
        let positions = build.positions(session).await?;
        // All decisions: verifying begins at offset 0 again.
        let starts = positions.partitions().map(|partition| (partition, Position::START)).collect();
        let decisions = decisions::ahead(session, &starts).await?;
        let rows = if kept.is_some() { LogRows::NotKept } else { LogRows::All };
        let dead_letters = build.dead_letters(session, rows).await?;
        let begins = kept.map(Plan::begins).unwrap_or_default();
        Ok(Self { build, positions, dead_letters, decisions, rows, begins })
    }

    /// Where to begin to read a partition.
    pub(super) fn begin(&self, partition: Partition) -> Position {
        self.begins.of(partition)
    }

    /// How many offsets lie before the positions.
    pub(super) fn events(&self) -> u64 {
        self.positions.iter().map(|(_, position)| position.0 as u64).sum()
    }
}
