//! What is verified, and up to where.

use std::collections::BTreeMap;

use orders::{Offset, Partition, Position, Positions};
use views::Session;
use views::decisions::{self, Decisions};
use views::rebuild::{KnownDeadLetter, dead_letters};

use crate::error::Result;

#[derive(Clone, Debug)]
pub(super) struct Scope {
    pub(super) build: i64,
    pub(super) positions: Positions,
    pub(super) dead_letters: BTreeMap<(Partition, Offset), KnownDeadLetter>,
    pub(super) decisions: Decisions,
}

impl Scope {
    pub(super) async fn read(session: &Session, build: i64) -> Result<Self> {
        let positions: Positions =
            views::positions::read(&session.client, build).await?.into_iter().collect();
        // All decisions: verifying begins at offset 0 again.
        let starts = positions.partitions().map(|partition| (partition, Position::START)).collect();
        let decisions = decisions::ahead(&session.client, &starts).await?;
        let dead_letters = dead_letters(&session.client, build).await?;
        Ok(Self { build, positions, dead_letters, decisions })
    }

    /// How many offsets lie before the positions.
    pub(super) fn events(&self) -> u64 {
        self.positions.iter().map(|(_, position)| position.0 as u64).sum()
    }
}
