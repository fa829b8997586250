//! A database session that writes batches to one build.

use std::collections::BTreeMap;

use futures_util::future::join;
use orders::{LogPrefix, Partition};
use tokio_postgres::{Client, Statement};

use super::batch::Batch;
use super::checkpoints;
use super::dead_letter;
use super::orders::{Way, is_known_order};
use super::rows::Rows;
use super::statement::prepare;
use super::summarise::Unsummarised;
use crate::decisions::{self, Decisions};
use crate::error::{Error, Result};
use crate::ownership::Held;
use crate::positions::PrefixArrays;
use crate::session::Session;
use crate::sql::Timestamptz;
use crate::totals::{self, Totals};
use crate::tx::Tally;
use crate::{Build, ORDERS};

/// Where an order is created twice, others are likely to be, as by a producer that sends again what was not
/// confirmed. So this many batches are upserted before a COPY is tried once more.
const UPSERTS: u32 = 15;

#[derive(Debug)]
pub(crate) struct Writer {
    session: Session,
    build: Build,
    advance: Statement,
    decided: Statement,
    rows: Rows,
    totals: Statement,
    /// How many batches to upsert before the next one is copied.
    upserts: u32,
    unsummarised: Unsummarised,
}

impl Writer {
    pub(crate) async fn open(session: Session, build: Build) -> Result<Self> {
        let client = &session.client;
        Ok(Self {
            advance: prepare(
                client,
                build,
                "/* views::apply::writer::advance */ UPDATE {build}.positions AS p
                 SET next_offset = moved.to_offset, records = moved.records, digest = moved.digest,
                     fingerprint = COALESCE(moved.fingerprint, p.fingerprint),
                     last_appended_at = COALESCE(moved.last_appended_at, p.last_appended_at)
                 FROM unnest($2::int[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::text[],
                         $9::timestamptz[])
                     AS moved (partition, owner_epoch, from_offset, to_offset, records, digest, fingerprint, last_appended_at)
                 WHERE p.view = $1 AND p.partition = moved.partition
                     AND p.owner_epoch = moved.owner_epoch AND p.next_offset = moved.from_offset",
            )
            .await?,
            decided: prepare(client, build, decisions::decided_since()).await?,
            rows: Rows::prepare(client, build).await?,
            totals: totals::prepare(client, build).await?,
            session,
            build,
            upserts: 0,
            unsummarised: Unsummarised::default(),
        })
    }

    pub(crate) fn build(&self) -> Build {
        self.build
    }

    pub(crate) fn session(&mut self) -> &mut Session {
        &mut self.session
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.session.is_closed()
    }

    fn client(&self) -> &Client {
        &self.session.client
    }

    /// Writes one batch in one transaction. `held` holds the owner epochs. [`Error::Fenced`] if a position
    /// is not where the batch begins. After an error of the connection the outcome is unknown until the
    /// positions are read again.
    ///
    /// `behind` is for a build that is not active, since operators may decide about records that lie ahead
    /// of it. No decision is taken while the batch is written, and the batch is refused with
    /// [`Error::Decided`] if there is a decision about its records that `behind` does not hold.
    pub(crate) async fn write(
        &mut self,
        batch: &Batch<'_>,
        held: &BTreeMap<Partition, Held>,
        behind: Option<&Decisions>,
    ) -> Result<()> {
        let way = if self.upserts == 0 { Way::Copy } else { Way::Upsert };
        self.upserts = self.upserts.saturating_sub(1);
        match self.write_once(batch, held, behind, way).await {
            Err(error) if way == Way::Copy && is_known_order(&error) => {
                self.upserts = UPSERTS;
                self.write_once(batch, held, behind, Way::Upsert).await?;
            }
            result => result?,
        }
        self.unsummarised.add(&self.session.client, self.build, batch.history_rows).await;
        Ok(())
    }

    async fn write_once(
        &self,
        batch: &Batch<'_>,
        held: &BTreeMap<Partition, Held>,
        behind: Option<&Decisions>,
        way: Way,
    ) -> Result<()> {
        let tally = Tally::begin("applying a batch");
        let result = self.transaction(batch, held, behind, way).await;
        if result.is_ok() {
            tally.committed();
        } else if !self.is_closed() {
            // If this fails, the session is lost, and with it the transaction.
            let _ = self.client().batch_execute("/* views::apply::writer::write */ ROLLBACK").await;
        }
        result
    }

    async fn transaction(
        &self,
        batch: &Batch<'_>,
        held: &BTreeMap<Partition, Held>,
        behind: Option<&Decisions>,
        way: Way,
    ) -> Result<()> {
        let moved = join(self.advance(batch, held), self.check(batch, behind));
        let mut changes = Totals::default();
        if batch.history_rows == 0 {
            let (begin, (moved, checked)) = join(self.begin(behind.is_some()), moved).await;
            begin?;
            moved?;
            checked?;
        } else {
            // Requests that do not depend on earlier answers are sent along with the earlier requests, which
            // saves round trips.
            let copy = self.rows.open(self.client());
            let (begin, ((moved, checked), copy)) =
                join(self.begin(behind.is_some()), join(moved, copy)).await;
            begin?;
            moved?;
            checked?;
            changes += self.rows.write(self.client(), copy, batch, way).await?;
        }
        for dead_letter in &batch.dead_letters {
            dead_letter::insert(self.client(), self.build, dead_letter).await?;
        }
        changes.open_dead_letters += batch.dead_lettered() as i64;
        checkpoints::write(self.client(), self.build, batch, held).await?;
        let commit = self.client().batch_execute("/* views::apply::writer::transaction */ COMMIT");
        // Sent at once. If the totals cannot be changed, the COMMIT rolls back.
        let (counted, committed) = join(self.count(batch, &changes), commit).await;
        counted?;
        committed.map_err(Error::during("committing a batch"))
    }

    /// Adds the changes to the row of the first of the batch's partitions, which no other lane holds.
    async fn count(&self, batch: &Batch<'_>, changes: &Totals) -> Result<()> {
        match batch.advances.keys().next() {
            Some(partition) => totals::add_with(self.client(), &self.totals, *partition, changes).await,
            None => Ok(()),
        }
    }

    async fn begin(&self, keep_decisions_away: bool) -> Result<()> {
        let begin = match keep_decisions_away {
            true => format!("/* views::apply::writer::begin */ BEGIN; {}", decisions::keep_away()),
            false => "/* views::apply::writer::begin */ BEGIN".to_owned(),
        };
        self.client().batch_execute(&begin).await.map_err(Error::during("beginning a batch"))
    }

    /// [`Error::Decided`] if there are decisions about records of this batch that `known` does not hold.
    async fn check(&self, batch: &Batch<'_>, known: Option<&Decisions>) -> Result<()> {
        let Some(known) = known else { return Ok(()) };
        let partitions: Vec<_> = batch.advances.keys().map(|partition| partition.0).collect();
        let from: Vec<_> = batch.advances.values().map(|advance| advance.from.0).collect();
        let to: Vec<_> = batch.advances.values().map(|advance| advance.to.0).collect();
        let row = self
            .client()
            .query_one(&self.decided, &[&ORDERS, &partitions, &from, &to, &known.upto()])
            .await
            .map_err(Error::during("looking for decisions"))?;
        if row.get(0) { Err(Error::Decided) } else { Ok(()) }
    }

    /// Locks the positions, compares them and moves them.
    async fn advance(&self, batch: &Batch<'_>, held: &BTreeMap<Partition, Held>) -> Result<()> {
        let attempt = "moving the positions";
        let fenced = |reason: String| Error::Fenced { attempt, reason };
        let mut reached = PrefixArrays::default();
        let (mut epochs, mut from) = (Vec::new(), Vec::new());
        let (mut fingerprints, mut appended) = (Vec::new(), Vec::new());
        for (partition, advance) in &batch.advances {
            let held =
                held.get(partition).ok_or_else(|| fenced(format!("partition {partition} is not held")))?;
            let digest = held.digest + advance.digest;
            reached.push(*partition, LogPrefix { position: advance.to, digest });
            epochs.push(held.epoch.0);
            from.push(advance.from.0);
            fingerprints.push(advance.fingerprint.as_deref());
            appended.push(advance.last_appended_at.map(Timestamptz));
        }
        let PrefixArrays { partitions, offsets, records, digests } = reached;
        let moved = self
            .client()
            .execute(
                &self.advance,
                &[
                    &ORDERS,
                    &partitions,
                    &epochs,
                    &from,
                    &offsets,
                    &records,
                    &digests,
                    &fingerprints,
                    &appended,
                ],
            )
            .await
            .map_err(Error::during(attempt))?;
        if moved as usize != partitions.len() {
            return Err(fenced(format!("{moved} of {} are where this writer left them", partitions.len())));
        }
        Ok(())
    }
}
