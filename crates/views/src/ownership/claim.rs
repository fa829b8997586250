//! Taking over partitions.

use std::collections::BTreeMap;

use orders::Partition;
use scoped_futures::ScopedFutureExt;
use tokio_postgres::Transaction;

use super::{HELD_COLUMNS, Held, THIS_BACKEND, frozen, held};
use crate::error::{Error, Result};
use crate::session::Session;
use crate::sql::for_build;
use crate::{Build, ORDERS};

/// How long a claim waits for a row that another owner has locked.
const LOCK_WAIT_LIMIT: &str = "5s";

/// Takes over partitions: raises their owner epochs and reads their positions, in one transaction.
/// `owner` names the process. [`Error::Fenced`] if `build` is no longer active,
/// [`Error::OtherDeployment`] if another group than `group` has taken the database over.
///
/// A row that stays locked through all attempts, 5 s each, belongs to an owner that is frozen within a
/// transaction: that owner's database session is ended, and the caller tries again.
pub(crate) async fn claim(
    session: &mut Session,
    build: Build,
    group: Option<&str>,
    owner: &str,
    partitions: &[Partition],
) -> Result<BTreeMap<Partition, Held>> {
    claim_while(session, build, "active", group, owner, partitions).await
}

/// Like [`claim`], in a build that is being made. [`Error::Fenced`] once the build is active.
pub(crate) async fn claim_building(
    session: &mut Session,
    build: Build,
    owner: &str,
    partitions: &[Partition],
) -> Result<BTreeMap<Partition, Held>> {
    claim_while(session, build, "building", None, owner, partitions).await
}

async fn claim_while(
    session: &mut Session,
    build: Build,
    state: &str,
    group: Option<&str>,
    owner: &str,
    partitions: &[Partition],
) -> Result<BTreeMap<Partition, Held>> {
    let result = session
        .run_tx("claiming partitions", |tx| {
            async move {
                tx.batch_execute(&format!(
                "/* views::ownership::claim::claim */ SET LOCAL synchronous_commit = on; SET LOCAL lock_timeout = '{LOCK_WAIT_LIMIT}'"
            ))
                    .await
                    .map_err(Error::during("claiming partitions"))?;
                claim_in(tx, build, state, group, owner, partitions).await
            }
            .scope_boxed()
        })
        .await;
    if let Err(error) = &result
        && error.sqlstate() == Some(&tokio_postgres::error::SqlState::LOCK_NOT_AVAILABLE)
    {
        frozen::end_owners(session, build, partitions).await?;
    }
    result
}

async fn claim_in(
    tx: &Transaction<'_>,
    build: Build,
    state: &str,
    group: Option<&str>,
    owner: &str,
    partitions: &[Partition],
) -> Result<BTreeMap<Partition, Held>> {
    if let Some(group) = group {
        of_this_group(tx, group).await?;
    }
    // A switch locks this row before it locks the positions: either it sees everything that is claimed
    // here, or the claim sees that the build is no longer active.
    let active = tx
        .query_opt(
            "/* views::ownership::claim::claim */ SELECT FROM public.builds WHERE id = $1 AND state = $2 FOR SHARE",
            &[&build.0, &state],
        )
        .await
        .map_err(Error::during("claiming partitions"))?;
    if active.is_none() {
        return Err(Error::Fenced {
            attempt: "claiming partitions",
            reason: format!("build {build} is no longer {state}"),
        });
    }
    let partitions: Vec<i32> = partitions.iter().map(|partition| partition.0).collect();
    tx.execute(
        &for_build(
            "/* views::ownership::claim::claim */ INSERT INTO {build}.positions (view, partition, next_offset, owner_epoch)
             SELECT $1, partition, 0, 0 FROM unnest($2::int[]) AS partition ORDER BY partition
             ON CONFLICT DO NOTHING",
            build,
        ),
        &[&ORDERS, &partitions],
    )
    .await
    .map_err(Error::during("claiming partitions"))?;
    let rows = tx
        .query(
            &for_build(
                &format!(
                    "/* views::ownership::claim::claim */ WITH locked AS (
                     SELECT partition FROM {{build}}.positions
                     WHERE view = $1 AND partition = ANY($2) ORDER BY partition FOR UPDATE
                 ), backend AS {THIS_BACKEND}
                 UPDATE {{build}}.positions AS p
                 SET owner_epoch = p.owner_epoch + 1, owner = $3, owner_backend = backend.id
                 FROM locked, backend
                 WHERE p.view = $1 AND p.partition = locked.partition
                 RETURNING {HELD_COLUMNS}"
                ),
                build,
            ),
            &[&ORDERS, &partitions, &owner],
        )
        .await
        .map_err(Error::during("claiming partitions"))?;
    Ok(rows.iter().map(held).collect())
}

/// Refuses a group that does not own the deployment. The row changes only under the deployment's lock,
/// and cannot change before this transaction ends.
async fn of_this_group(tx: &Transaction<'_>, group: &str) -> Result<()> {
    let row = tx
        .query_opt(
            "/* views::ownership::claim::of_this_group */ SELECT group_id FROM public.deployment FOR SHARE",
            &[],
        )
        .await
        .map_err(Error::during("claiming partitions"))?;
    match row.map(|row| row.get::<_, String>(0)) {
        Some(running) if running != group => Err(Error::OtherDeployment { running }),
        _ => Ok(()),
    }
}
