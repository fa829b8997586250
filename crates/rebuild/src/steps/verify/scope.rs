//! What is verified, and up to where.

use std::collections::BTreeMap;

use orders::{Offset, Partition, Position, Positions};
use views::decisions::{self, Decisions};
use views::rebuild::KnownDeadLetter;
use views::{Build, Session};

use crate::error::Result;

#[derive(Clone, Debug)]
pub(super) struct Scope {
    pub(super) build: Build,
    pub(super) positions: Positions,
    pub(super) dead_letters: BTreeMap<(Partition, Offset), KnownDeadLetter>,
    pub(super) decisions: Decisions,
}

impl Scope {
    pub(super) async fn read(session: &Session, build: Build) -> Result<Self> {
        let positions = build.positions(session).await?;
        // All decisions: verifying begins at offset 0 again.
        let starts = positions.partitions().map(|partition| (partition, Position::START)).collect();
        let decisions = decisions::ahead(session, &starts).await?;
        let dead_letters = build.dead_letters(session).await?;
        Ok(Self { build, positions, dead_letters, decisions })
    }

    /// How many offsets lie before the positions.
    pub(super) fn events(&self) -> u64 {
        self.positions.iter().map(|(_, position)| position.0 as u64).sum()
    }
}
