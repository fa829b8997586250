//! A build as it was at one moment, for a comparison with what becomes of it.

use std::collections::BTreeMap;

use orders::{LogPrefix, OrderState, Partition, Positions};

use super::record_set::RecordSet;
use crate::error::{Error, Result};
use crate::session::Session;
use crate::sql::for_build;
use crate::winners::Winners;
use crate::{Build, Totals, decisions, order_columns, positions};

/// Holds a transaction open, so that PostgreSQL keeps the row versions that it sees.
pub struct BuildSnapshot {
    session: Session,
    build: Build,
    prefixes: BTreeMap<Partition, LogPrefix>,
    last_decision: i64,
    totals: Totals,
}

impl BuildSnapshot {
    pub async fn take(session: Session, build: Build) -> Result<Self> {
        session
            .client
            .batch_execute(
                "/* views::rebuild::snapshot::take */ BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY",
            )
            .await
            .map_err(Error::during("taking a snapshot of a build"))?;
        let prefixes = positions::read_prefixes(&session.client, build).await?;
        let last_decision = decisions::latest(&session).await?;
        let totals = build.totals(&session).await?;
        Ok(Self { session, build, prefixes, last_decision, totals })
    }

    /// How far each partition was applied, and which records that were.
    #[must_use]
    pub fn prefixes(&self) -> &BTreeMap<Partition, LogPrefix> {
        &self.prefixes
    }

    #[must_use]
    pub fn positions(&self) -> Positions {
        self.prefixes.iter().collect()
    }

    /// The number of the latest decision at that moment.
    #[must_use]
    pub fn last_decision(&self) -> i64 {
        self.last_decision
    }

    /// As the build had counted at that moment.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// The records among which are the winners of these orders now: those that had won then, and the winners of the
    /// records `since`. The merge is a maximum, so a record that had lost by then never wins again. And how many of
    /// these orders had each status then.
    pub async fn candidates(&self, since: &BTreeMap<&str, &OrderState<'_>>) -> Result<(RecordSet, Totals)> {
        let order_ids: Vec<&str> = since.keys().copied().collect();
        let rows = self
            .session
            .client
            .query(
                &for_build(
                    "/* views::rebuild::snapshot::candidates */ SELECT order_id, winners, status FROM {build}.orders
                     WHERE order_id = ANY($1)",
                    self.build,
                ),
                &[&order_ids],
            )
            .await
            .map_err(Error::during("reading which records had won"))?;
        let (mut candidates, mut before) = (RecordSet::default(), Totals::default());
        for row in &rows {
            let order_id = row.get(0);
            let code: i8 = row.get(2);
            before.add_orders(order_columns::status(order_id, code.cast_unsigned())?, 1);
            for (_, partition, offset) in Winners::of_order(order_id, row.get(1))?.iter() {
                candidates.push(order_id, partition, offset);
            }
        }
        for (order_id, state) in since {
            for fact in state.winners() {
                candidates.push(order_id, fact.at.partition, fact.at.offset);
            }
        }
        Ok((candidates, before))
    }
}
