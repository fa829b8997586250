//! Positions: how far each partition is applied, and who may go on.

use std::collections::BTreeMap;

use orders::{Partition, Position, Positions};
use scoped_futures::ScopedFutureExt;
use tokio_postgres::{Client, Transaction};

use crate::error::{Error, Result};
use crate::session::Session;
use crate::sql::for_build;
use crate::{Build, ORDERS};

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
/// transaction. `owner` names the process. Refused if `build` is no longer active, or if the
/// database was taken over by another group than `group` while this process was cut off.
///
/// A row that is locked for over five seconds belongs to an owner that is frozen in a
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

/// The same in a build that is not active yet: of a rebuild. Refused once it is active.
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
                tx.batch_execute("SET LOCAL synchronous_commit = on; SET LOCAL lock_timeout = '5s'")
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
        end_frozen_owners(&session.client, build, partitions).await?;
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
    // A switch locks this row before it locks the positions: it either sees all of
    // what is claimed here, or the claim sees that the build is no longer active.
    let active = tx
        .query_opt(
            "/* views::positions::claim */ SELECT FROM public.builds WHERE id = $1 AND state = $2 FOR SHARE",
            &[&build.0, &state],
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

/// The row changes only under the deployment's lock, and not while it is read here.
async fn of_this_group(tx: &Transaction<'_>, group: &str) -> Result<()> {
    let row = tx
        .query_opt("/* views::positions::claim */ SELECT group_id FROM public.deployment FOR SHARE", &[])
        .await
        .map_err(Error::during("claiming partitions"))?;
    match row.map(|row| row.get::<_, String>(0)) {
        Some(running) if running != group => Err(Error::OtherDeployment { running }),
        _ => Ok(()),
    }
}

/// Ends the sessions that the position rows name and that hold a transaction open on
/// them. Pid and start time both match, so a later session with the same pid is safe.
async fn end_frozen_owners(client: &Client, build: Build, partitions: &[Partition]) -> Result<()> {
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
pub(crate) async fn resume(
    session: &mut Session,
    build: Build,
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
    session
        .run_tx("resuming partitions", |tx| {
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

impl Build {
    /// How far each partition is applied.
    pub async fn positions(self, session: &Session) -> Result<Positions> {
        read(&session.client, self).await
    }

    /// The fingerprint of each partition's last applied record, where there is one.
    pub async fn fingerprints(self, session: &Session) -> Result<BTreeMap<Partition, String>> {
        let rows = session
            .client
            .query(
                &for_build(
                    "/* views::positions::fingerprints */ SELECT partition, fingerprint FROM {build}.positions
                     WHERE view = $1 AND fingerprint IS NOT NULL",
                    self,
                ),
                &[&ORDERS],
            )
            .await
            .map_err(Error::during("reading the fingerprints"))?;
        Ok(rows.iter().map(|row| (Partition(row.get(0)), row.get(1))).collect())
    }
}

pub(crate) async fn read(client: &Client, build: Build) -> Result<Positions> {
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
