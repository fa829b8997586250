//! The door to transactions that may run again.

use scoped_futures::ScopedBoxFuture;
use tokio_postgres::{Client, Transaction};

use crate::error::{Error, Recovery, Result};

/// The project's back-off, for callers that have not moved to [`retry::Backoff`] yet.
pub use retry::pause;

const ATTEMPTS: u32 = 5;

/// Runs `work` in one transaction. Where PostgreSQL asks for it (deadlock,
/// serialization failure, lock time-out), the whole runs again after a pause, up to
/// five times: `work` may run more than once, so it must have no effect outside the
/// transaction. Errors of the connection are the caller's. Call it as
/// `run_tx(client, "name", |tx| async move { … }.scope_boxed())`.
pub async fn run_tx<'a, T>(
    client: &mut Client,
    name: &'static str,
    mut work: impl for<'t> FnMut(&'t Transaction<'t>) -> ScopedBoxFuture<'a, 't, Result<T>>,
) -> Result<T> {
    for attempt in 1.. {
        let error = match once(client, name, &mut work).await {
            Ok(value) => {
                metrics::counter!("food_orders_transactions_total", "name" => name, "outcome" => "committed")
                    .increment(1);
                return Ok(value);
            }
            Err(error) => error,
        };
        metrics::counter!("food_orders_transactions_total", "name" => name, "outcome" => "rolled_back")
            .increment(1);
        if attempt == ATTEMPTS || !may_run_again(&error) || client.is_closed() {
            return Err(error);
        }
        tracing::debug!(transaction = name, attempt, %error, "transaction runs again");
        tokio::time::sleep(pause(attempt)).await;
    }
    unreachable!("the loop returns")
}

async fn once<'a, T>(
    client: &mut Client,
    name: &'static str,
    work: &mut impl for<'t> FnMut(&'t Transaction<'t>) -> ScopedBoxFuture<'a, 't, Result<T>>,
) -> Result<T> {
    let transaction = client.transaction().await.map_err(Error::during(name))?;
    let value = work(&transaction).await?;
    transaction.commit().await.map_err(Error::during(name))?;
    Ok(value)
}

fn may_run_again(error: &Error) -> bool {
    error.recovery() == Recovery::Retry
        && error.sqlstate().is_some_and(|code| matches!(&code.code()[..2], "40" | "55"))
}
