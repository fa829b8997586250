//! One database session that writes batches to one build.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::pin::pin;

use bytes::Bytes;
use futures_util::SinkExt;
use futures_util::future::join;
use orders::Partition;
use tokio_postgres::{Client, Statement};

use super::batch::Batch;
use super::copy::COLUMNS;
use super::letter;
use super::order_columns::OrderColumns;
use super::refold::Refold;
use crate::ORDERS;
use crate::connect::Session;
use crate::error::{Error, Result};
use crate::positions::Held;
use crate::sql::{Timestamptz, for_build};

#[derive(Debug)]
pub struct Writer {
    pub(crate) client: Client,
    build: i64,
    advance: Statement,
    copy: Statement,
    upsert: Statement,
    refold: Refold,
}

impl Writer {
    pub async fn open(session: Session, build: i64) -> Result<Self> {
        let client = session.client;
        let copy = format!("COPY {{build}}.order_history ({COLUMNS}) FROM STDIN (FORMAT binary)");
        Ok(Self {
            advance: prepare(
                &client,
                build,
                "/* views::apply::advance */ UPDATE {build}.positions AS p
                 SET next_offset = moved.to_offset,
                     fingerprint = COALESCE(moved.fingerprint, p.fingerprint),
                     last_appended_at = COALESCE(moved.last_appended_at, p.last_appended_at)
                 FROM unnest($2::int[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[], $7::timestamptz[])
                     AS moved (partition, owner_epoch, from_offset, to_offset, fingerprint, last_appended_at)
                 WHERE p.view = $1 AND p.partition = moved.partition
                     AND p.owner_epoch = moved.owner_epoch AND p.next_offset = moved.from_offset",
            )
            .await?,
            copy: prepare(&client, build, &copy).await?,
            upsert: prepare(&client, build, include_str!("upsert.sql")).await?,
            refold: Refold::prepare(&client, build).await?,
            client,
            build,
        })
    }

    #[must_use]
    pub fn build(&self) -> i64 {
        self.build
    }

    /// Writes one batch, whole or not at all. `held` gives the owner epochs; a
    /// position that is not where the batch begins refuses it. After an error of the
    /// connection the outcome is unknown: read the positions to learn it.
    pub async fn write(&self, batch: &Batch<'_>, held: &BTreeMap<Partition, Held>) -> Result<()> {
        let result = self.transaction(batch, held).await;
        if result.is_err() && !self.client.is_closed() {
            // If this fails the session is gone, and with it the transaction.
            let _ = self.client.batch_execute("ROLLBACK").await;
        }
        result
    }

    async fn transaction(&self, batch: &Batch<'_>, held: &BTreeMap<Partition, Held>) -> Result<()> {
        if batch.history_rows == 0 {
            let (begin, moved) = join(self.begin(), self.advance(batch, held)).await;
            begin?;
            moved?;
        } else {
            self.write_rows(batch, held).await?;
        }
        for letter in &batch.letters {
            letter::insert(&self.client, self.build, letter).await?;
        }
        self.client.batch_execute("COMMIT").await.map_err(Error::during("committing a batch"))
    }

    /// Two round trips: what depends on nothing but the requests before it is sent along.
    async fn write_rows(&self, batch: &Batch<'_>, held: &BTreeMap<Partition, Held>) -> Result<()> {
        let copy = self.client.copy_in::<_, Bytes>(&self.copy);
        let (begin, (moved, copy)) = join(self.begin(), join(self.advance(batch, held), copy)).await;
        begin?;
        moved?;
        let mut copy = pin!(copy.map_err(Error::during("opening the COPY of the history"))?);
        let history = async {
            copy.send(batch.history.clone()).await?;
            copy.finish().await
        };
        let mut columns = OrderColumns::default();
        for (order_id, state) in &batch.orders {
            columns.push(Cow::Borrowed(order_id), state);
        }
        let parameters = columns.parameters();
        let upsert = async {
            // A build that is being loaded has neither orders nor the index for them.
            if batch.orders.is_empty() { Ok(0) } else { self.client.execute(&self.upsert, &parameters).await }
        };
        let (copied, taken) = join(history, upsert).await;
        let copied = copied.map_err(Error::during("copying the history"))?;
        let taken = taken.map_err(Error::during("writing the orders"))?;
        if copied as usize != batch.history_rows {
            return Err(Error::Unusable(format!(
                "{copied} of {} history rows were taken",
                batch.history_rows
            )));
        }
        if taken as usize != batch.orders.len() {
            let refolded = self.refold.run(&self.client, batch).await?;
            if taken as usize + refolded != batch.orders.len() {
                return Err(Error::Unusable(format!(
                    "{taken} orders written and {refolded} folded again, of {}",
                    batch.orders.len()
                )));
            }
            metrics::counter!("food_orders_orders_refolded_total").increment(refolded as u64);
        }
        Ok(())
    }

    async fn begin(&self) -> Result<()> {
        self.client.batch_execute("BEGIN").await.map_err(Error::during("beginning a batch"))
    }

    /// Locks, compares and moves the positions.
    async fn advance(&self, batch: &Batch<'_>, held: &BTreeMap<Partition, Held>) -> Result<()> {
        let attempt = "moving the positions";
        let refused = |reason: String| Error::Refused { attempt, reason };
        let mut partitions = Vec::new();
        let (mut epochs, mut from, mut to) = (Vec::new(), Vec::new(), Vec::new());
        let (mut fingerprints, mut appended) = (Vec::new(), Vec::new());
        for (partition, advance) in &batch.advances {
            let held =
                held.get(partition).ok_or_else(|| refused(format!("partition {partition} is not held")))?;
            partitions.push(partition.0);
            epochs.push(held.epoch.0);
            from.push(advance.from.0);
            to.push(advance.to.0);
            fingerprints.push(advance.fingerprint.as_deref());
            appended.push(advance.last_appended_at.map(Timestamptz));
        }
        let moved = self
            .client
            .execute(&self.advance, &[&ORDERS, &partitions, &epochs, &from, &to, &fingerprints, &appended])
            .await
            .map_err(Error::during(attempt))?;
        if moved as usize != partitions.len() {
            return Err(refused(format!("{moved} of {} are where this writer left them", partitions.len())));
        }
        Ok(())
    }
}

/// Prepares a statement that has `{build}` for the schema.
pub(super) async fn prepare(client: &Client, build: i64, text: &str) -> Result<Statement> {
    client.prepare(&for_build(text, build)).await.map_err(Error::during("preparing to write"))
}
