//! The switch: one transaction that holds the live writers off, looks where they
//! stand, and points everything to the new build.
//!
//! A protocol with [`crate::positions::claim`]: lock the active build's row first, then
//! its positions. A claim takes the row FOR SHARE, so it is either seen here, or it
//! sees that its build is no longer active.

use std::time::Duration;

use super::row::State;
use super::row_owner::RowOwner;
use crate::error::{Error, Result};
use crate::session::Session;
use crate::sql::for_build;
use crate::tx::Tx;
use crate::{Build, ORDERS, builds, positions};
use orders::Positions;

/// Readers queue behind a lock that is waited for, so this is short.
const VIEW_LOCK_TIMEOUT: &str = "200ms";

/// A switch that has begun: no writer of the live build commits until it ends.
/// Dropping it changes nothing.
pub struct Switch<'a> {
    tx: Tx<'a>,
    live: Build,
    positions: Positions,
}

impl<'a> Switch<'a> {
    /// Waits at most `patience` for the commits that are in flight. The session should
    /// have an `idle_in_transaction_session_timeout`: a frozen caller must not hold writers off.
    pub async fn begin(session: &'a mut Session, patience: Duration) -> Result<Self> {
        let during = Error::during("holding the live writers off");
        let tx = session.begin("switching to a new build").await?;
        let timeout = patience.as_millis();
        tx.batch_execute(&format!(
            "SET LOCAL synchronous_commit = on; SET LOCAL lock_timeout = '{timeout}ms'"
        ))
        .await
        .map_err(&during)?;
        let live = tx
            .query_one(
                "/* views::rebuild::switch */ SELECT id FROM public.builds WHERE view = $1 AND state = 'active' FOR UPDATE",
                &[&ORDERS],
            )
            .await
            .map_err(&during)?
            .get(0);
        let live = Build(live);
        // The whole table, not its rows: one lock to wait for, so that no deadlock with a
        // batch that updates several rows can come about. Reading goes on.
        tx.batch_execute(&for_build(
            "/* views::rebuild::switch */ LOCK TABLE {build}.positions IN EXCLUSIVE MODE",
            live,
        ))
        .await
        .map_err(&during)?;
        let positions = positions::read(tx.client(), live).await?;
        Ok(Self { tx, live, positions })
    }

    /// The build that is superseded by this.
    #[must_use]
    pub fn live(&self) -> Build {
        self.live
    }

    /// Where the live build stands, and will stay.
    #[must_use]
    pub fn positions(&self) -> &Positions {
        &self.positions
    }

    /// Switches to `build` and commits. Fails if that build is behind: reads would go
    /// back in time. Fails, and changes nothing, if somebody reads the public views for longer than 200 ms.
    pub async fn finish(self, build: Build, owner: &RowOwner) -> Result<()> {
        let during = Error::during("switching to a new build");
        let tx = &self.tx;
        let reached = positions::read(tx.client(), build).await?;
        for (partition, live) in self.positions.iter() {
            let new = reached.get(partition);
            if new.is_none_or(|new| new < live) {
                return Err(Error::Unusable(format!(
                    "build {build} is behind in partition {partition}: {new:?}, the live one is at {live}"
                )));
            }
        }
        // Whoever still writes to either build is refused by compare-and-set, and claims anew.
        for build in [self.live, build] {
            tx.execute(
                &for_build("/* views::rebuild::switch */ UPDATE {build}.positions SET owner_epoch = owner_epoch + 1 WHERE view = $1", build),
                &[&ORDERS],
            )
            .await
            .map_err(&during)?;
        }
        owner.advance_in(tx.client(), State::Switching, State::Active).await?;
        tx.execute(
            "/* views::rebuild::switch */ UPDATE public.rebuilds SET finished_at = now() WHERE id = $1",
            &[&owner.rebuild],
        )
        .await
        .map_err(&during)?;
        tx.execute(
            "/* views::rebuild::switch */ UPDATE public.rebuilds SET state = 'superseded', updated_at = now()
             WHERE view = $1 AND state = 'active' AND id <> $2",
            &[&ORDERS, &owner.rebuild],
        )
        .await
        .map_err(&during)?;
        // Last, because from here on readers of the public views wait.
        tx.batch_execute(&format!("SET LOCAL lock_timeout = '{VIEW_LOCK_TIMEOUT}'"))
            .await
            .map_err(&during)?;
        builds::activate(tx, build).await?;
        self.tx.commit().await
    }
}

/// Backends that have held the public views for longer than a switch waits for them.
/// Short reads that follow each other are no obstacle.
pub async fn view_readers(session: &Session) -> Result<Vec<i32>> {
    let rows = session
        .client
        .query(
            "/* views::rebuild::view_readers */ SELECT DISTINCT l.pid FROM pg_locks AS l
             JOIN pg_stat_activity AS a ON a.pid = l.pid
             WHERE l.granted AND l.pid <> pg_backend_pid() AND l.locktype = 'relation'
                 AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
                 AND l.relation IN ('public.orders'::regclass, 'public.order_history'::regclass,
                     'public.positions'::regclass, 'public.dead_letters'::regclass)
                 AND a.xact_start < clock_timestamp() - $1::text::interval
             ORDER BY l.pid",
            &[&VIEW_LOCK_TIMEOUT],
        )
        .await
        .map_err(Error::during("looking for readers of the public views"))?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}
