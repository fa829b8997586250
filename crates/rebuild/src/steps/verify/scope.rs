//! What is verified, and up to where.

use std::collections::BTreeMap;

use orders::{LogPrefix, Partition, Position, Positions};
use views::decisions::{self, Decisions};
use views::rebuild::{KnownDeadLetters, LogRows};
use views::schemas::KnownSchemas;
use views::{Build, Session, Totals};

use crate::error::Result;
use crate::log_comparison::{ReadLog, read_log};
use crate::plan::Plan;

#[derive(Clone, Debug)]
pub(in crate::steps) struct Scope {
    pub(super) build: Build,
    pub(super) positions: Positions,
    pub(in crate::steps) dead_letters: KnownDeadLetters,
    pub(super) decisions: Decisions,
    /// The number of the last decision of any operator. It was read before all else.
    pub(super) last_decision: i64,
    /// As the build has counted.
    pub(super) totals: Totals,
    /// How many open dead letters were taken over from the live build.
    pub(super) kept_open_dead_letters: i64,
    /// Rows of records that were taken over from the live build are not compared with the log.
    pub(in crate::steps) rows: LogRows,
    /// The first offsets that the log had when the rebuild was planned; a partition that is missing had all.
    begins: Positions,
    /// What the build has read of the log. The log has to hold it still, from `log_since` on.
    pub(super) log: ReadLog,
    /// What lies below is not known to come from the log.
    pub(super) log_since: BTreeMap<Partition, LogPrefix>,
}

impl Scope {
    /// `kept`: the plan, if records were taken over from the live build. `known`: the schemas with which the log is decoded.
    pub(in crate::steps) async fn read(
        session: &Session,
        build: Build,
        kept: Option<&Plan>,
        known: &KnownSchemas,
    ) -> Result<Self> {
        let last_decision = decisions::latest(session).await?;
        let prefixes = build.log_prefixes(session).await?;
        let positions: Positions = prefixes.iter().collect();
        // All decisions: verifying begins at offset 0 again.
        let starts = positions.partitions().map(|partition| (partition, Position::START)).collect();
        let decisions = decisions::ahead(session, &starts, known).await?;
        let rows = if kept.is_some() { LogRows::NotKept } else { LogRows::All };
        let dead_letters = build.dead_letters(session, rows).await?;
        let totals = build.totals(session).await?;
        let kept_open_dead_letters = match rows {
            LogRows::All => 0,
            LogRows::NotKept => build.kept_open_dead_letters(session).await?,
        };
        let begins = kept.map(Plan::begins).unwrap_or_default();
        let log = read_log(&prefixes, build.log_checkpoints(session).await?);
        let log_since = kept.map(Plan::live).unwrap_or_default();
        Ok(Self {
            build,
            positions,
            dead_letters,
            decisions,
            last_decision,
            totals,
            kept_open_dead_letters,
            rows,
            begins,
            log,
            log_since,
        })
    }

    /// Where to begin to read a partition.
    pub(super) fn begin(&self, partition: Partition) -> Position {
        self.begins.of(partition)
    }

    /// How many offsets lie before the positions.
    pub(in crate::steps) fn events(&self) -> u64 {
        self.positions.iter().map(|(_, position)| position.0 as u64).sum()
    }
}
