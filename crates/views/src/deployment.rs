//! One deployment per database: all consumers that write to it are of one group.
//!
//! Each holds an advisory lock shared for as long as it runs. Whoever comes with
//! another group needs it exclusively, which it gets only when none of the old
//! group is left; then it writes its name into the one row of `deployment`.

use std::time::{Duration, Instant};

use crate::connect::Database;
use crate::error::{Error, Result};
use crate::session::{Session, SessionKind};

/// The number means nothing; it only has to be ours.
const DEPLOYMENT_LOCK: i64 = 0x00f0_0d02;
/// The session of a process that was killed may outlive it a little.
const PATIENCE: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(100);

/// The right to write, for as long as the session lives.
pub struct Deployment {
    session: Session,
}

impl Deployment {
    /// Takes part in the deployment of `group`. [`Error::OtherDeployment`] if consumers
    /// of another one run.
    pub async fn join(database: &Database, group: &str) -> Result<Self> {
        let session = database.session("food-orders deployment", SessionKind::Short).await?;
        let this = Self { session };
        let began = Instant::now();
        loop {
            if this.try_shared(group).await? || this.try_take_over(group).await? {
                return Ok(this);
            }
            if began.elapsed() > PATIENCE
                && let Some(running) = this.group().await?
                && running != group
            {
                return Err(Error::OtherDeployment { running });
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Whether the right is held still; asks the server, so that a connection that was cut
    /// without a word is noticed.
    pub async fn is_held(&self) -> bool {
        self.session.client.batch_execute("/* views::deployment::is_held */").await.is_ok()
    }

    /// Beside others of the same group.
    async fn try_shared(&self, group: &str) -> Result<bool> {
        if !self.lock("pg_try_advisory_lock_shared").await? {
            return Ok(false);
        }
        if self.group().await?.as_deref() == Some(group) {
            return Ok(true);
        }
        self.lock("pg_advisory_unlock_shared").await?;
        Ok(false)
    }

    /// In place of a group of which none is left.
    async fn try_take_over(&self, group: &str) -> Result<bool> {
        if !self.lock("pg_try_advisory_lock").await? {
            return Ok(false);
        }
        let before = self.group().await?;
        self.session
            .client
            .execute(
                "/* views::deployment::try_take_over */ INSERT INTO public.deployment (group_id) VALUES ($1)
                 ON CONFLICT (singleton) DO UPDATE SET group_id = $1, since = now() WHERE deployment.group_id <> $1",
                &[&group],
            )
            .await
            .map_err(Error::during("recording the deployment"))?;
        if let Some(before) = before.filter(|before| before != group) {
            tracing::warn!(
                before,
                group,
                "another group's consumers have ended; this group has the database now"
            );
        }
        // The same session holds both for a moment, so nobody comes in between.
        self.lock("pg_try_advisory_lock_shared").await?;
        self.lock("pg_advisory_unlock").await
    }

    async fn group(&self) -> Result<Option<String>> {
        let row = self
            .session
            .client
            .query_opt("/* views::deployment::group */ SELECT group_id FROM public.deployment", &[])
            .await
            .map_err(Error::during("reading the deployment"))?;
        Ok(row.map(|row| row.get(0)))
    }

    /// One of PostgreSQL's advisory lock functions that answer with a boolean.
    async fn lock(&self, function: &'static str) -> Result<bool> {
        let row = self
            .session
            .client
            .query_one(&format!("/* views::deployment::lock */ SELECT {function}($1)"), &[&DEPLOYMENT_LOCK])
            .await
            .map_err(Error::during("locking the deployment"))?;
        Ok(row.get(0))
    }
}
