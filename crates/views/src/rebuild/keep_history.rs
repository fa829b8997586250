//! Takes over from the live build what the log no longer holds, on an operator's decision.

use std::collections::BTreeMap;

use orders::{LogPrefix, Partition, Positions};
use scoped_futures::ScopedFutureExt;
use tokio_postgres::Transaction;

use super::kept::{Unequal, not_in_live};
use super::row_owner::RowOwner;
use super::state::State;
use crate::error::{Error, Result};
use crate::positions::PrefixArrays;
use crate::session::Session;
use crate::sql::for_build;
use crate::totals::{self, Totals};
use crate::{Build, ORDERS, decisions};

const ATTEMPT: &str = "taking over history from the live build";

/// What is taken over, from which build, and why.
#[derive(Clone, Debug)]
pub struct KeepHistory<'a> {
    /// The build that is being loaded. It stands at the positions in `live`.
    pub build: Build,
    pub live_build: Build,
    /// The partitions of which the log has lost records, and what the live build has read of them.
    pub live: &'a BTreeMap<Partition, LogPrefix>,
    /// The operator's words.
    pub reason: &'a str,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeptHistory {
    Kept {
        history: i64,
        dead_letters: i64,
    },
    /// Records of the build that the live one has not, or not with the same content. Nothing is taken over.
    Unequal(Vec<Unequal>),
}

impl KeepHistory<'_> {
    /// Compares what the build has with the live one; then, in one transaction, records a decision for each partition,
    /// copies the records that only the live build has, each marked with the decision, and gives the new build the
    /// digests of the live one. Operators' decisions wait for the second part; one that came during the first is
    /// [`Error::Decided`]. Refused once another process drives the rebuild.
    pub async fn run(&self, session: &mut Session, owner: &RowOwner) -> Result<KeptHistory> {
        let last_decision = decisions::latest(session).await?;
        let positions: Positions = self.live.iter().collect();
        let unequal = not_in_live(&session.client, self.build, self.live_build, &positions).await?;
        session
            .run_once(ATTEMPT, |tx| {
                async move { self.run_in(tx, owner, last_decision, unequal).await }.scope_boxed()
            })
            .await
    }

    async fn run_in(
        &self,
        tx: &Transaction<'_>,
        owner: &RowOwner,
        last_decision: i64,
        unequal: Vec<Unequal>,
    ) -> Result<KeptHistory> {
        decisions::lock(tx).await?;
        owner.lock_in(tx.client(), State::Loading).await?;
        if decisions::latest_on(tx.client()).await? != last_decision {
            return Err(Error::Decided);
        }
        if !unequal.is_empty() {
            return Ok(KeptHistory::Unequal(unequal));
        }
        let positions: Positions = self.live.iter().collect();
        let (mut partitions, mut ends, mut numbers) = (Vec::new(), Vec::new(), Vec::new());
        for (partition, position) in positions.iter() {
            partitions.push(partition.0);
            ends.push(position.0);
            numbers.push(decisions::record_kept_history(tx, partition, position, self.reason).await?);
        }
        let copied = tx
            .query_one(&self.statement(include_str!("keep_history.sql")), &[&partitions, &ends, &numbers])
            .await
            .map_err(Error::during(ATTEMPT))?;
        self.take_over_digests(tx).await?;
        let (history, dead_letters) = (copied.get(0), copied.get(1));
        let mut changes = Totals::default();
        (changes.records, changes.open_dead_letters) = (history, copied.get(2));
        totals::add(tx.client(), self.build, &changes).await?;
        Ok(KeptHistory::Kept { history, dead_letters })
    }

    /// From here on, the new build stands for the same records as the live one.
    async fn take_over_digests(&self, tx: &Transaction<'_>) -> Result<()> {
        let during = Error::during(ATTEMPT);
        let mut arrays = PrefixArrays::default();
        self.live.iter().for_each(|(partition, live)| arrays.push(*partition, *live));
        let PrefixArrays { partitions, offsets, records, digests } = arrays;
        let moved = tx
            .execute(
                &self.statement(
                    "/* views::rebuild::keep_history::take_over_digests */ UPDATE {build}.positions AS p
                     SET records = live.records, digest = live.digest, last_appended_at = COALESCE(
                         (SELECT l.last_appended_at FROM {live}.positions AS l WHERE l.view = $1 AND l.partition = p.partition),
                         p.last_appended_at)
                     FROM unnest($2::int[], $3::bigint[], $4::bigint[], $5::bigint[])
                         AS live (partition, next_offset, records, digest)
                     WHERE p.view = $1 AND p.partition = live.partition AND p.next_offset = live.next_offset",
                ),
                &[&ORDERS, &partitions, &offsets, &records, &digests],
            )
            .await
            .map_err(&during)?;
        if moved as usize != partitions.len() {
            return Err(Error::RowCount { attempt: ATTEMPT, expected: partitions.len(), found: moved });
        }
        tx.execute(
            &self.statement(
                "/* views::rebuild::keep_history::take_over_digests */
                 DELETE FROM {build}.log_checkpoints WHERE partition = ANY($1)",
            ),
            &[&partitions],
        )
        .await
        .map_err(&during)?;
        tx.execute(
            &self.statement(
                "/* views::rebuild::keep_history::take_over_digests */
                 INSERT INTO {build}.log_checkpoints (partition, next_offset, records, digest)
                 SELECT c.partition, c.next_offset, c.records, c.digest FROM {live}.log_checkpoints AS c
                 JOIN unnest($1::int[], $2::bigint[]) AS live (partition, next_offset) USING (partition)
                 WHERE c.next_offset <= live.next_offset",
            ),
            &[&partitions, &offsets],
        )
        .await
        .map_err(&during)?;
        Ok(())
    }

    fn statement(&self, text: &str) -> String {
        for_build(text, self.build).replace("{live}", &self.live_build.schema())
    }
}
