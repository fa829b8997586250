//! The switch: one transaction that holds the live writers off, reads their positions, and points
//! everything to the new build.
//!
//! Like a claim ([`crate::ownership`]), it locks the active build's row first and then the positions. A
//! claim locks the row FOR SHARE: either the switch sees the claim, or the claim sees that its build is no
//! longer active.

use std::collections::BTreeMap;
use std::time::Duration;

use super::row_owner::RowOwner;
use super::state::State;
use crate::error::{Error, Result};
use crate::session::Session;
use crate::sql::for_build;
use crate::tx::Tx;
use crate::{Build, ORDERS, builds, positions};
use orders::{LogPrefix, Partition};

/// Readers queue behind a lock that the switch waits for, so this is short.
const VIEW_LOCK_TIMEOUT: &str = "200ms";

/// A switch that has begun: no writer of the live build commits until it ends.
/// Dropping it rolls it back.
pub struct Switch<'a> {
    tx: Tx<'a>,
    live: Build,
    prefixes: BTreeMap<Partition, LogPrefix>,
}

impl<'a> Switch<'a> {
    /// Waits for the commits that are in flight, no longer than `lock_wait_limit`. The session has to be one
    /// of [`crate::SessionKind::Switching`], so that a frozen caller does not hold the writers off.
    pub async fn begin(session: &'a mut Session, lock_wait_limit: Duration) -> Result<Self> {
        let during = Error::during("holding the live writers off");
        let tx = session.begin("switching to a new build").await?;
        let timeout = lock_wait_limit.as_millis();
        tx.batch_execute(&format!(
            "/* views::rebuild::switch::begin */ SET LOCAL lock_timeout = '{timeout}ms'"
        ))
        .await
        .map_err(&during)?;
        let live = tx
            .query_one(
                "/* views::rebuild::switch::begin */ SELECT id FROM public.builds WHERE view = $1 AND state = 'active' FOR UPDATE",
                &[&ORDERS],
            )
            .await
            .map_err(&during)?
            .get(0);
        let live = Build(live);
        // This locks the table instead of its rows: with a single lock there is no deadlock with a batch
        // that updates several rows. Reads go on.
        tx.batch_execute(&for_build(
            "/* views::rebuild::switch::begin */ LOCK TABLE {build}.positions IN EXCLUSIVE MODE",
            live,
        ))
        .await
        .map_err(&during)?;
        let prefixes = positions::read_prefixes(tx.client(), live).await?;
        Ok(Self { tx, live, prefixes })
    }

    /// Where the live build stands, and stays until the switch ends; and which records it has read.
    #[must_use]
    pub fn prefixes(&self) -> &BTreeMap<Partition, LogPrefix> {
        &self.prefixes
    }

    /// Switches to `build` and commits. [`Error::BuildBehind`] if it is behind the live one: reads would go
    /// back in time. Fails as well while another session reads the public views for longer than 200 ms. After an error
    /// nothing has changed.
    pub async fn finish(self, build: Build, owner: &RowOwner) -> Result<()> {
        let during = Error::during("switching to a new build");
        let tx = &self.tx;
        let reached = positions::read(tx.client(), build).await?;
        for (partition, LogPrefix { position: live, .. }) in &self.prefixes {
            let reached = reached.of(*partition);
            if reached < *live {
                return Err(Error::BuildBehind { build, partition: *partition, reached, live: *live });
            }
        }
        // A writer of either build is fenced by this, and claims again.
        for build in [self.live, build] {
            tx.execute(
                &for_build("/* views::rebuild::switch::finish */ UPDATE {build}.positions SET owner_epoch = owner_epoch + 1 WHERE view = $1", build),
                &[&ORDERS],
            )
            .await
            .map_err(&during)?;
        }
        owner.advance_in(tx.client(), State::Switching, State::Active).await?;
        tx.execute(
            "/* views::rebuild::switch::finish */ UPDATE public.rebuilds SET finished_at = now() WHERE id = $1",
            &[&owner.rebuild],
        )
        .await
        .map_err(&during)?;
        tx.execute(
            "/* views::rebuild::switch::finish */ UPDATE public.rebuilds SET state = 'superseded', updated_at = now()
             WHERE view = $1 AND state = 'active' AND id <> $2",
            &[&ORDERS, &owner.rebuild],
        )
        .await
        .map_err(&during)?;
        // Last, because readers of the public views wait from here on.
        tx.batch_execute(&format!(
            "/* views::rebuild::switch::finish */ SET LOCAL lock_timeout = '{VIEW_LOCK_TIMEOUT}'"
        ))
        .await
        .map_err(&during)?;
        builds::activate(tx, build).await?;
        self.tx.commit().await
    }
}

/// The pids of backends that have read the public views for longer than a switch would wait. Short reads
/// are not an obstacle, however many follow each other.
pub async fn view_readers(session: &Session) -> Result<Vec<i32>> {
    let rows = session
        .client
        .query(
            "/* views::rebuild::switch::view_readers */ SELECT DISTINCT l.pid FROM pg_locks AS l
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
