//! Owners that froze within a transaction, such as by SIGSTOP. No time-out of PostgreSQL ends those.

use std::pin::pin;
use std::time::Duration;

use crate::connect::Database;
use crate::error::{Error, Result};
use crate::session::{Session, SessionKind};

/// How long a claim may wait for the same transaction before that one counts as frozen.
const FROZEN_AFTER: Duration = Duration::from_secs(5);
/// How often a claim that waits looks again.
const INTERVAL: Duration = Duration::from_millis(500);

/// The pid of the server process behind a session.
pub(super) async fn backend(session: &Session) -> Result<i32> {
    let row = session
        .client
        .query_one("/* views::ownership::frozen::backend */ SELECT pg_backend_pid()", &[])
        .await
        .map_err(Error::during("claiming partitions"))?;
    Ok(row.get(0))
}

/// Until `claimed`, while the session of `backend` waits for a lock: ends the session of a lane that has held it for too
/// long. A session that it ends is always reported: its end is what lets the claim go on, so `claimed` may come before
/// PostgreSQL's answer does.
pub(super) async fn end_owners(database: &Database, backend: i32, claimed: impl Future<Output = ()>) {
    let mut claimed = pin!(claimed);
    let mut wait = FROZEN_AFTER;
    while tokio::time::timeout(wait, &mut claimed).await.is_err() {
        if let Err(error) = end_owners_once(database, backend).await {
            tracing::debug!(%error, "could not look for a frozen owner");
        }
        wait = INTERVAL;
    }
}

/// The claim waits for another transaction to end: either itself, or behind others that wait for the same row,
/// which is what a lock on a tuple means. Those others are left alone. So is a transaction for which the claim
/// has waited only for a moment: it may have followed the frozen one.
async fn end_owners_once(database: &Database, backend: i32) -> Result<()> {
    let session = database.session("food-orders takeover", SessionKind::Short).await?;
    let ended = session
        .client
        .query(
            "/* views::ownership::frozen::end_owners_once */
             WITH RECURSIVE waiting AS (
                 SELECT l.* FROM pg_locks AS l WHERE l.pid = $1 AND NOT l.granted
                 UNION
                 SELECT l.* FROM waiting AS w
                 JOIN pg_locks AS first ON w.locktype = 'tuple' AND first.locktype = 'tuple' AND first.granted
                     AND (first.database, first.relation, first.page, first.tuple)
                         = (w.database, w.relation, w.page, w.tuple)
                 JOIN pg_locks AS l ON l.pid = first.pid AND NOT l.granted
             )
             SELECT DISTINCT a.pid, pg_terminate_backend(a.pid)
             FROM waiting AS w
             JOIN pg_locks AS held ON held.granted AND held.locktype = 'transactionid'
                 AND held.transactionid = w.transactionid
             JOIN pg_stat_activity AS a ON a.pid = held.pid
             WHERE w.locktype = 'transactionid' AND w.waitstart < clock_timestamp() - $2::bigint * interval '1 ms'
                 AND a.datname = current_database() AND a.application_name = 'food-orders lane'",
            &[&backend, &((FROZEN_AFTER - INTERVAL).as_millis() as i64)],
        )
        .await
        .map_err(Error::during("ending the session of a frozen owner"))?;
    for row in &ended {
        tracing::warn!(pid = row.get::<_, i32>(0), "ended the database session of an owner that was frozen");
    }
    Ok(())
}
