//! Verifying: the log against the history, then the history against the orders. Both
//! at the build's positions, at which nothing writes to it meanwhile but an operator's
//! decision: then what differs is looked at again.

mod admission;
mod blocks;
mod content;
mod drill;
mod fold;
mod history_side;
mod log_side;

use std::collections::BTreeMap;

use orders::{Offset, Partition, Position, Positions};
use views::decisions::{self, Decisions};
use views::rebuild::{KnownDeadLetter, State};
use views::{Build, Session, SessionKind};

use crate::differences::Differences;
use crate::error::{Error, Result};
use crate::runner::{FailureCause, Runner, Step};

/// What is verified, and up to where.
#[derive(Clone, Debug)]
struct Scope {
    build: Build,
    positions: Positions,
    dead_letters: BTreeMap<(Partition, Offset), KnownDeadLetter>,
    decisions: Decisions,
}

async fn scope(session: &Session, build: Build) -> Result<Scope> {
    let positions = build.positions(session).await?;
    let everything = positions.partitions().map(|partition| (partition, Position::START)).collect();
    let decisions = decisions::ahead(session, &everything).await?;
    let dead_letters = build.dead_letters(session).await?;
    Ok(Scope { build, positions, dead_letters, decisions })
}

impl Runner {
    pub(crate) async fn verify(&self, build: Build) -> Result<Step> {
        let session = self.session(SessionKind::Short).await?;
        let before = decisions::latest(&session).await?;
        let scope = scope(&session, build).await?;
        let events: u64 = scope.positions.iter().map(|(_, position)| position.0 as u64).sum();
        // The history twice: against the log, and in the order of the orders.
        self.meter.expect(events * 2);
        let mut differences = self.compare_with_log(&scope).await?;
        differences.extend(self.compare_with_fold(&scope).await?);
        if differences.is_empty() {
            return self.advance(&session, State::Verifying, State::Ready).await;
        }
        if decisions::latest(&session).await? != before {
            // Some of it was compared before, some after the decision.
            tracing::info!(rebuild = self.row.rebuild, "an operator has decided meanwhile; verifying again");
            return Ok(Step::Next);
        }
        let mut reason = format!(
            "the new build differs from the log in {} values; it was not switched in, and stays in schema build_{build} \
             until the next rebuild",
            differences.total
        );
        if let Some(first) = differences.listed.first() {
            reason = format!("{reason}. The first: {first}");
        }
        let differences =
            serde_json::to_value(differences).map_err(|error| Error::Other(error.to_string()))?;
        Ok(Step::Fail { cause: FailureCause::Difference, reason, plan: None, differences: Some(differences) })
    }

    async fn compare_with_log(&self, scope: &Scope) -> Result<Differences> {
        let history = history_side::hash(&self.settings, scope.build);
        let log = log_side::hash(&self.settings, scope, &self.meter);
        let (history, (log, mut differences)) = tokio::try_join!(history, log)?;
        let differing = blocks::differing(&log, &history);
        if !differing.is_empty() {
            differences.extend(drill::down(&self.settings, scope, &differing).await?);
        }
        Ok(differences)
    }

    async fn compare_with_fold(&self, scope: &Scope) -> Result<Differences> {
        fold::compare(&self.settings, scope.build, &self.meter).await
    }
}
