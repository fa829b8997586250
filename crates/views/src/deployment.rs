//! One deployment per database: all consumers that write to it belong to one consumer group.
//!
//! Each of them shares an advisory lock for as long as it runs. A consumer of another group needs the
//! lock exclusively, and gets it only when no consumer of the old group is left; then it writes its
//! group's name into the one row of `deployment`.

use std::time::{Duration, Instant};

use crate::connect::Database;
use crate::error::{Error, Result};
use crate::session::{Session, SessionKind};

/// The number has no meaning; it only has to differ from those of our other locks.
const DEPLOYMENT_LOCK: i64 = 0x00f0_0d02;
/// How long to wait for the lock: the session of a process that was killed may briefly outlive it.
const LOCK_WAIT_LIMIT: Duration = Duration::from_secs(3);
/// How often the lock is tried during that time.
const LOCK_INTERVAL: Duration = Duration::from_millis(100);

/// The right to write, for as long as the session lives.
pub struct Deployment {
    lock: Lock,
    id: String,
}

/// The session that holds the lock, or tries to get it.
struct Lock {
    session: Session,
}

impl Deployment {
    /// Joins the deployment of `group`. [`Error::OtherDeployment`] while consumers of another group run.
    pub async fn join(database: &Database, group: &str) -> Result<Self> {
        let session = database.session("food-orders deployment", SessionKind::Short).await?;
        let lock = Lock { session };
        let began = Instant::now();
        loop {
            if lock.try_shared(group).await? || lock.try_take_over(group).await? {
                let id = lock.id().await?;
                return Ok(Self { lock, id });
            }
            if began.elapsed() > LOCK_WAIT_LIMIT
                && let Some(running) = lock.group().await?
                && running != group
            {
                return Err(Error::OtherDeployment { running });
            }
            tokio::time::sleep(LOCK_INTERVAL).await;
        }
    }

    /// Names this database, for as long as it exists and in every restored backup of it.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether the right is still held. Asks the server, so that a connection that broke without a word is
    /// noticed.
    pub async fn is_held(&self) -> bool {
        self.lock.session.client.batch_execute("/* views::deployment::is_held */").await.is_ok()
    }
}

impl Lock {
    /// Joins consumers of the same group.
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

    /// Takes over from a group that has no consumers left.
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
                "no consumer of the other group runs any more; this group writes to the database now"
            );
        }
        // The session holds both locks for a moment, so that no other group can get in between.
        self.lock("pg_try_advisory_lock_shared").await?;
        self.lock("pg_advisory_unlock").await
    }

    async fn id(&self) -> Result<String> {
        let row = self
            .session
            .client
            .query_one("/* views::deployment::id */ SELECT id::text FROM public.deployment", &[])
            .await
            .map_err(Error::during("reading the deployment"))?;
        Ok(row.get(0))
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
