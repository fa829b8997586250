//! Transactions: each is counted and timed by its name.

use std::ops::Deref;
use std::time::Instant;

use retry::Backoff;
use scoped_futures::ScopedBoxFuture;
use tokio_postgres::{Client, Transaction};

use crate::error::{Error, Recovery, Result};

const ATTEMPTS: u32 = 5;

/// Counts and times one transaction when it is dropped. The outcome is `rolled_back` unless
/// [`Tally::committed`] was called, even if only the answer to a COMMIT was lost.
#[derive(Debug)]
pub(crate) struct Tally {
    name: &'static str,
    began: Instant,
    outcome: &'static str,
}

impl Tally {
    pub(crate) fn begin(name: &'static str) -> Self {
        Self { name, began: Instant::now(), outcome: "rolled_back" }
    }

    pub(crate) fn committed(mut self) {
        self.outcome = "committed";
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        metrics::counter!("food_orders_transactions_total", "name" => self.name, "outcome" => self.outcome)
            .increment(1);
        metrics::histogram!("food_orders_transaction_duration_seconds", "name" => self.name)
            .record(self.began.elapsed().as_secs_f64());
    }
}

/// An open transaction. Dropping it rolls it back.
pub(crate) struct Tx<'a> {
    transaction: Transaction<'a>,
    tally: Tally,
}

impl<'a> Tx<'a> {
    pub(crate) async fn begin(client: &'a mut Client, name: &'static str) -> Result<Self> {
        let tally = Tally::begin(name);
        let transaction = client.transaction().await.map_err(Error::during(name))?;
        Ok(Self { transaction, tally })
    }

    pub(crate) async fn commit(self) -> Result<()> {
        self.transaction.commit().await.map_err(Error::while_committing(self.tally.name))?;
        self.tally.committed();
        Ok(())
    }
}

impl<'a> Deref for Tx<'a> {
    type Target = Transaction<'a>;

    fn deref(&self) -> &Self::Target {
        &self.transaction
    }
}

/// See [`crate::Session::run_tx`].
pub(crate) async fn run<'a, T>(
    client: &mut Client,
    name: &'static str,
    mut work: impl for<'t> FnMut(&'t Transaction<'t>) -> ScopedBoxFuture<'a, 't, Result<T>>,
) -> Result<T> {
    let mut backoff = Backoff::default();
    loop {
        let error = match once(client, name, &mut work).await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        let pause = backoff.next_pause();
        if backoff.failures() == ATTEMPTS || !may_run_again(&error) || client.is_closed() {
            return Err(error);
        }
        tracing::debug!(transaction = name, failures = backoff.failures(), %error, "a transaction runs again");
        tokio::time::sleep(pause).await;
    }
}

/// See [`crate::Session::run_once`].
pub(crate) async fn once<'a, T>(
    client: &mut Client,
    name: &'static str,
    work: impl for<'t> FnOnce(&'t Transaction<'t>) -> ScopedBoxFuture<'a, 't, Result<T>>,
) -> Result<T> {
    let tx = Tx::begin(client, name).await?;
    let value = work(&tx).await?;
    tx.commit().await?;
    Ok(value)
}

fn may_run_again(error: &Error) -> bool {
    error.recovery() == Recovery::Retry
        && error.sqlstate().is_some_and(|code| matches!(&code.code()[..2], "40" | "55"))
}
