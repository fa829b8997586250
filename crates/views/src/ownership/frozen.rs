//! Owners that froze within a transaction, such as by SIGSTOP. No time-out of PostgreSQL ends those.

use orders::Partition;

use crate::error::{Error, Result};
use crate::session::Session;
use crate::sql::for_build;
use crate::{Build, ORDERS};

/// Ends the sessions that are named in the position rows and hold a lock on their table. Pid and start
/// time have to match, so a later session with the same pid is safe.
pub(super) async fn end_owners(session: &Session, build: Build, partitions: &[Partition]) -> Result<()> {
    let partitions: Vec<i32> = partitions.iter().map(|partition| partition.0).collect();
    let ended = session
        .client
        .query(
            &for_build(
                "/* views::ownership::frozen::end_owners */
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
