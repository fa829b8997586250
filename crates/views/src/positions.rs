//! Positions: how far each partition is applied, and who may go on.

use std::collections::BTreeMap;

use orders::{Partition, Position};
use scoped_futures::ScopedFutureExt;
use tokio_postgres::{Client, Transaction};

use crate::ORDERS;
use crate::error::{Error, Result};
use crate::sql::for_build;
use crate::tx::run_tx;

/// Raised by whoever takes a partition over; a commit under an older one is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OwnerEpoch(pub i64);

/// A partition that this process may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    pub epoch: OwnerEpoch,
    pub position: Position,
}

/// Takes partitions over: raises their owner epoch and reads their positions, in one
/// transaction. `owner` names the process. Refused if `build` is no longer active.
///
/// A row that is locked for over five seconds belongs to an owner that is frozen in a
/// transaction: that owner's database session is ended, and the caller tries again.
pub async fn claim(
    client: &mut Client,
    build: i64,
    owner: &str,
    partitions: &[Partition],
) -> Result<BTreeMap<Partition, Held>> {
    claim_while(client, build, "active", owner, partitions).await
}

/// The same in a build that is not active yet: of a rebuild. Refused once it is active.
pub async fn claim_building(
    client: &mut Client,
    build: i64,
    owner: &str,
    partitions: &[Partition],
) -> Result<BTreeMap<Partition, Held>> {
    claim_while(client, build, "building", owner, partitions).await
}

async fn claim_while(
    client: &mut Client,
    build: i64,
    state: &str,
    owner: &str,
    partitions: &[Partition],
) -> Result<BTreeMap<Partition, Held>> {
    let result = run_tx(client, "claiming partitions", |tx| {
        async move {
            tx.batch_execute("SET LOCAL synchronous_commit = on; SET LOCAL lock_timeout = '5s'")
                .await
                .map_err(Error::during("claiming partitions"))?;
            claim_in(tx, build, state, owner, partitions).await
        }
        .scope_boxed()
    })
    .await;
    if let Err(error) = &result
        && error.sqlstate() == Some(&tokio_postgres::error::SqlState::LOCK_NOT_AVAILABLE)
    {
        end_frozen_owners(client, build, partitions).await?;
    }
    result
}

async fn claim_in(
    tx: &Transaction<'_>,
    build: i64,
    state: &str,
    owner: &str,
    partitions: &[Partition],
) -> Result<BTreeMap<Partition, Held>> {
    // A switch locks this row before it locks the positions: it either sees all of
    // what is claimed here, or the claim sees that the build is no longer active.
    let active = tx
        .query_opt(
            "/* views::positions::claim */ SELECT FROM public.builds WHERE id = $1 AND state = $2 FOR SHARE",
            &[&build, &state],
        )
        .await
        .map_err(Error::during("claiming partitions"))?;
    if active.is_none() {
        return Err(Error::Refused {
            attempt: "claiming partitions",
            reason: format!("build {build} is no longer {state}"),
        });
    }
    let partitions: Vec<i32> = partitions.iter().map(|partition| partition.0).collect();
    tx.execute(
        &for_build(
            "/* views::positions::claim */ INSERT INTO {build}.positions (view, partition, next_offset, owner_epoch)
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
                "/* views::positions::claim */ WITH locked AS (
                     SELECT partition FROM {build}.positions
                     WHERE view = $1 AND partition = ANY($2) ORDER BY partition FOR UPDATE
                 ), backend AS (
                     SELECT pid || '@' || (extract(epoch FROM backend_start) * 1000000)::bigint AS id
                     FROM pg_stat_activity WHERE pid = pg_backend_pid()
                 )
                 UPDATE {build}.positions AS p
                 SET owner_epoch = p.owner_epoch + 1, owner = $3, owner_backend = backend.id
                 FROM locked, backend
                 WHERE p.view = $1 AND p.partition = locked.partition
                 RETURNING p.partition, p.next_offset, p.owner_epoch",
                build,
            ),
            &[&ORDERS, &partitions, &owner],
        )
        .await
        .map_err(Error::during("claiming partitions"))?;
    Ok(rows
        .iter()
        .map(|row| {
            let held = Held { position: Position(row.get(1)), epoch: OwnerEpoch(row.get(2)) };
            (Partition(row.get(0)), held)
        })
        .collect())
}

/// Ends the sessions that the position rows name and that hold a transaction open on
/// them. Pid and start time both match, so a later session with the same pid is safe.
async fn end_frozen_owners(client: &Client, build: i64, partitions: &[Partition]) -> Result<()> {
    let partitions: Vec<i32> = partitions.iter().map(|partition| partition.0).collect();
    let ended = client
        .query(
            &for_build(
                "/* views::positions::end_frozen_owners */
                 SELECT DISTINCT a.pid, pg_terminate_backend(a.pid)
                 FROM {build}.positions AS p
                 JOIN pg_stat_activity AS a
                     ON p.owner_backend = a.pid || '@' || (extract(epoch FROM a.backend_start) * 1000000)::bigint
                 JOIN pg_locks AS l ON l.pid = a.pid AND l.granted AND l.mode = 'RowExclusiveLock'
                     AND l.relation = '{build}.positions'::regclass
                 WHERE p.view = $1 AND p.partition = ANY($2) AND a.pid <> pg_backend_pid()",
                build,
            ),
            &[&ORDERS, &partitions],
        )
        .await
        .map_err(Error::during("ending the session of a frozen owner"))?;
    for row in &ended {
        tracing::warn!(pid = row.get::<_, i32>(0), "ended the database session of an owner that was frozen");
    }
    Ok(())
}

/// Reads the positions of held partitions again, after a reconnect: what was in
/// flight is either in the database or it is not. Refused if somebody else has
/// taken one over meanwhile; then nothing is changed.
pub async fn resume(
    client: &mut Client,
    build: i64,
    held: &BTreeMap<Partition, Held>,
) -> Result<BTreeMap<Partition, Held>> {
    let partitions: Vec<i32> = held.keys().map(|partition| partition.0).collect();
    let epochs: Vec<i64> = held.values().map(|held| held.epoch.0).collect();
    let statement = for_build(
        "/* views::positions::resume */ UPDATE {build}.positions AS p
         SET owner_backend = (
             SELECT pid || '@' || (extract(epoch FROM backend_start) * 1000000)::bigint
             FROM pg_stat_activity WHERE pid = pg_backend_pid())
         FROM unnest($2::int[], $3::bigint[]) AS mine (partition, owner_epoch)
         WHERE p.view = $1 AND p.partition = mine.partition AND p.owner_epoch = mine.owner_epoch
         RETURNING p.partition, p.next_offset, p.owner_epoch",
        build,
    );
    let (statement, partitions, epochs) = (&statement, &partitions, &epochs);
    run_tx(client, "resuming partitions", |tx| {
        async move {
            let rows = tx
                .query(statement, &[&ORDERS, partitions, epochs])
                .await
                .map_err(Error::during("resuming partitions"))?;
            if rows.len() != partitions.len() {
                return Err(Error::Refused {
                    attempt: "resuming partitions",
                    reason: "another owner has taken one over".into(),
                });
            }
            Ok(rows
                .iter()
                .map(|row| {
                    let held = Held { position: Position(row.get(1)), epoch: OwnerEpoch(row.get(2)) };
                    (Partition(row.get(0)), held)
                })
                .collect())
        }
        .scope_boxed()
    })
    .await
}

/// Of the last applied record of each partition that has one.
pub async fn fingerprints(client: &Client, build: i64) -> Result<BTreeMap<Partition, String>> {
    let rows = client
        .query(
            &for_build(
                "/* views::positions::fingerprints */ SELECT partition, fingerprint FROM {build}.positions
                 WHERE view = $1 AND fingerprint IS NOT NULL",
                build,
            ),
            &[&ORDERS],
        )
        .await
        .map_err(Error::during("reading the fingerprints"))?;
    Ok(rows.iter().map(|row| (Partition(row.get(0)), row.get(1))).collect())
}

/// How far each partition of a build is applied.
pub async fn read(client: &Client, build: i64) -> Result<BTreeMap<Partition, Position>> {
    let rows = client
        .query(
            &for_build(
                "/* views::positions::read */ SELECT partition, next_offset FROM {build}.positions WHERE view = $1",
                build,
            ),
            &[&ORDERS],
        )
        .await
        .map_err(Error::during("reading the positions"))?;
    Ok(rows.iter().map(|row| (Partition(row.get(0)), Position(row.get(1)))).collect())
}
