//! Taking over partitions.

use std::collections::BTreeMap;

use orders::Partition;
use scoped_futures::ScopedFutureExt;
use tokio::sync::Notify;
use tokio_postgres::Transaction;

use super::{HELD_COLUMNS, Held, THIS_BACKEND, frozen, held};
use crate::connect::Database;
use crate::error::{Error, Result};
use crate::session::Session;
use crate::sql::for_build;
use crate::{Build, ORDERS};

/// How long a claim waits for a row that another owner has locked, before it gives up and is tried again. It is
/// longer than the time after which a frozen owner is ended.
const LOCK_WAIT_LIMIT: &str = "15s";

/// Takes over partitions: raises their owner epochs and reads their positions, in one transaction.
/// `owner` names the process. [`Error::Fenced`] if `build` is no longer active,
/// [`Error::OtherDeployment`] if another group than `group` has taken the database over.
///
/// An owner that keeps a row locked for 5 s is frozen within a transaction: its database session is ended, and
/// the claim goes on.
pub(crate) async fn claim(
    database: &Database,
    session: &mut Session,
    build: Build,
    group: Option<&str>,
    owner: &str,
    partitions: &[Partition],
) -> Result<BTreeMap<Partition, Held>> {
    let wanted = Wanted { build, state: "active", group, owner, partitions };
    claim_wanted(database, session, &wanted).await
}

/// Like [`claim`], in a build that is being made. [`Error::Fenced`] once the build is active.
pub(crate) async fn claim_building(
    database: &Database,
    session: &mut Session,
    build: Build,
    owner: &str,
    partitions: &[Partition],
) -> Result<BTreeMap<Partition, Held>> {
    let wanted = Wanted { build, state: "building", group: None, owner, partitions };
    claim_wanted(database, session, &wanted).await
}

/// What is claimed, by whom.
struct Wanted<'a> {
    build: Build,
    /// The state that the build has to be in.
    state: &'static str,
    group: Option<&'a str>,
    owner: &'a str,
    partitions: &'a [Partition],
}

async fn claim_wanted(
    database: &Database,
    session: &mut Session,
    wanted: &Wanted<'_>,
) -> Result<BTreeMap<Partition, Held>> {
    let backend = frozen::backend(session).await?;
    // Once, because the caller has to report why it waits before it tries again.
    let claim = session.run_once("claiming partitions", |tx| {
        async move {
            tx.batch_execute(&format!(
                "/* views::ownership::claim::claim */ SET LOCAL synchronous_commit = on; SET LOCAL lock_timeout = '{LOCK_WAIT_LIMIT}'"
            ))
            .await
            .map_err(Error::during("claiming partitions"))?;
            claim_in(tx, wanted).await
        }
        .scope_boxed()
    });
    let is_over = Notify::new();
    let claim = async {
        let claimed = claim.await;
        is_over.notify_one();
        claimed
    };
    let (claimed, ()) = tokio::join!(claim, frozen::end_owners(database, backend, is_over.notified()));
    claimed
}

async fn claim_in(tx: &Transaction<'_>, wanted: &Wanted<'_>) -> Result<BTreeMap<Partition, Held>> {
    let Wanted { build, state, group, owner, partitions } = *wanted;
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
