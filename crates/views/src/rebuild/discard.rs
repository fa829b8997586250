//! Dropping builds that are not needed any more.

use scoped_futures::ScopedFutureExt;

use crate::error::{Error, Result};
use crate::session::Session;
use crate::{Build, builds};

/// Drops builds that were never finished and that no rebuild is making. The caller holds the lock of the
/// view's rebuilds.
pub async fn drop_leftovers(session: &mut Session, view: &str) -> Result<Vec<Build>> {
    let leftovers = session
        .client
        .query(
            "/* views::rebuild::discard::drop_leftovers */ SELECT id FROM public.builds b
             WHERE b.view = $1 AND b.state = 'building' AND NOT EXISTS (
                 SELECT FROM public.rebuilds r WHERE r.build = b.id AND r.state NOT IN
                     ('active', 'cancelled', 'failed', 'superseded', 'rolled_back'))
             ORDER BY id",
            &[&view],
        )
        .await
        .map_err(Error::during("looking for builds that were left behind"))?;
    let leftovers: Vec<Build> = leftovers.iter().map(|row| Build(row.get(0))).collect();
    for build in &leftovers {
        build.discard(session, "5s").await?;
    }
    Ok(leftovers)
}

/// Drops superseded builds but the newest, which is kept for a rollback. One that is still being read is
/// left for the next rebuild. Returns those that were dropped.
pub async fn drop_superseded(session: &mut Session, view: &str) -> Result<Vec<Build>> {
    let superseded = session
        .client
        .query(
            "/* views::rebuild::discard::drop_superseded */ SELECT id FROM public.builds WHERE view = $1 AND state = 'superseded'
             ORDER BY superseded_at DESC, id DESC OFFSET 1",
            &[&view],
        )
        .await
        .map_err(Error::during("looking for superseded builds"))?;
    let mut dropped = Vec::new();
    for row in &superseded {
        let build = Build(row.get(0));
        match build.discard(session, "200ms").await {
            Ok(()) => dropped.push(build),
            Err(error) if error.sqlstate() == Some(&tokio_postgres::error::SqlState::LOCK_NOT_AVAILABLE) => {
                tracing::info!(%build, "a superseded build is still being read; a later rebuild drops it");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(dropped)
}

impl Build {
    /// Drops its tables; [`Error::ActiveBuild`] if it is active. Waits for a lock no longer than
    /// `lock_timeout`, a time with its unit such as `200ms`.
    pub async fn discard(self, session: &mut Session, lock_timeout: &str) -> Result<()> {
        let attempt = "dropping a build";
        let during = &Error::during(attempt);
        session
            .run_once(attempt, |tx| {
                async move {
                    tx.batch_execute(&format!(
                        "/* views::rebuild::discard::discard */ SET LOCAL lock_timeout = '{lock_timeout}'"
                    ))
                    .await
                    .map_err(during)?;
                    let row = tx
                        .query_opt(
                            "/* views::rebuild::discard::discard */ SELECT FROM public.builds
                             WHERE id = $1 AND state <> 'active' FOR UPDATE",
                            &[&self.0],
                        )
                        .await
                        .map_err(during)?;
                    if row.is_none() {
                        return Err(Error::ActiveBuild { build: self });
                    }
                    builds::discard(tx, self).await
                }
                .scope_boxed()
            })
            .await
    }
}
