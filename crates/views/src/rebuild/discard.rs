//! Ending a rebuild without a switch, and dropping builds that nobody needs.

use scoped_futures::ScopedFutureExt;
use tokio_postgres::Client;

use super::row::{Ending, Runner, end};
use crate::builds;
use crate::error::{Error, Result};
use crate::tx::run_tx;

/// Ends a rebuild that is not to be switched in, and drops its build unless `keep`.
/// Returns false, and does nothing, if it has ended before: perhaps it is active.
pub async fn abandon(
    client: &mut Client,
    runner: &Runner,
    ending: &Ending<'_>,
    build: Option<i64>,
    keep: bool,
) -> Result<bool> {
    run_tx(client, "ending a rebuild", |tx| {
        async move {
            // What the runner's own sessions had in flight may take a moment to roll back.
            tx.batch_execute("SET LOCAL lock_timeout = '5s'; SET LOCAL synchronous_commit = on")
                .await
                .map_err(Error::during("ending a rebuild"))?;
            if !end(tx, runner, ending).await? {
                return Ok(false);
            }
            if let Some(build) = build.filter(|_| !keep) {
                builds::discard(tx, build).await?;
            }
            Ok(true)
        }
        .scope_boxed()
    })
    .await
}

/// Drops builds that were never finished and that no rebuild is working on. The
/// caller holds the view's lock.
pub async fn drop_leftovers(client: &mut Client, view: &str) -> Result<Vec<i64>> {
    let leftovers = client
        .query(
            "/* views::rebuild::drop_leftovers */ SELECT id FROM public.builds b
             WHERE b.view = $1 AND b.state = 'building' AND NOT EXISTS (
                 SELECT FROM public.rebuilds r WHERE r.build = b.id AND r.state NOT IN
                     ('active', 'cancelled', 'failed', 'superseded', 'rolled_back'))
             ORDER BY id",
            &[&view],
        )
        .await
        .map_err(Error::during("looking for builds that were left behind"))?;
    let leftovers: Vec<i64> = leftovers.iter().map(|row| row.get(0)).collect();
    for build in &leftovers {
        drop_build(client, *build, "5s").await?;
    }
    Ok(leftovers)
}

/// Drops superseded builds but the newest, which stays for a rollback. One that is
/// still being read stays for the next time. Returns those that were dropped.
pub async fn drop_superseded(client: &mut Client, view: &str) -> Result<Vec<i64>> {
    let superseded = client
        .query(
            "/* views::rebuild::drop_superseded */ SELECT id FROM public.builds WHERE view = $1 AND state = 'superseded'
             ORDER BY superseded_at DESC, id DESC OFFSET 1",
            &[&view],
        )
        .await
        .map_err(Error::during("looking for superseded builds"))?;
    let mut dropped = Vec::new();
    for row in &superseded {
        let build = row.get(0);
        match drop_build(client, build, "200ms").await {
            Ok(()) => dropped.push(build),
            Err(error) if error.sqlstate() == Some(&tokio_postgres::error::SqlState::LOCK_NOT_AVAILABLE) => {
                tracing::info!(build, "a superseded build is still being read; a later rebuild drops it");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(dropped)
}

/// Drops one build that is not active.
pub async fn drop_build(client: &mut Client, build: i64, lock_timeout: &str) -> Result<()> {
    let during = Error::during("dropping a build");
    let tx = client.transaction().await.map_err(&during)?;
    tx.batch_execute(&format!("SET LOCAL lock_timeout = '{lock_timeout}'")).await.map_err(&during)?;
    let row = tx
        .query_opt(
            "/* views::rebuild::drop_build */ SELECT FROM public.builds WHERE id = $1 AND state <> 'active' FOR UPDATE",
            &[&build],
        )
        .await
        .map_err(&during)?;
    if row.is_none() {
        return Err(Error::Refused {
            attempt: "dropping a build",
            reason: format!("build {build} is active"),
        });
    }
    builds::discard(&tx, build).await?;
    tx.commit().await.map_err(&during)
}
