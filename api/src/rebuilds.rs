//! The rebuilds that this process drives: those that it was asked to start, and those that another process left
//! behind.

use std::sync::Arc;
use std::time::Duration;

use rebuild::{DryRun, Job, Outcome, RebuildView, Request, Settings, Stop};
use service::Health;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::watch::Watch;

/// How many questions about rebuilds are answered at a time; each opens a connection of its own.
const MAX_QUESTIONS: usize = 2;
const REBUILD_WATCH: Watch = Watch {
    name: "rebuild watch",
    pause: Duration::from_secs(5),
    check_limit: Duration::from_secs(60),
    overdue_after: Duration::from_secs(120),
};

/// All clones share the same rebuilds.
#[derive(Clone)]
pub struct Rebuilds {
    settings: Arc<Settings>,
    jobs: TaskTracker,
    /// Pauses the jobs, so that another process can continue them.
    pause: CancellationToken,
    questions: Arc<Semaphore>,
}

impl Rebuilds {
    pub fn new(settings: Settings) -> Self {
        Self {
            settings: Arc::new(settings),
            jobs: TaskTracker::new(),
            pause: CancellationToken::new(),
            questions: Arc::new(Semaphore::new(MAX_QUESTIONS)),
        }
    }

    /// Begins a rebuild, or continues the one that no process drives. Returns its id.
    pub async fn start(&self, request: &Request) -> Result<i64, rebuild::Error> {
        let _permit = self.questions.acquire().await;
        let job = rebuild::start(&self.settings, request).await?;
        let id = job.id();
        self.drive(job);
        Ok(id)
    }

    /// Plans a rebuild and does not begin it.
    pub async fn dry_run(&self, request: &Request) -> Result<DryRun, rebuild::Error> {
        let _permit = self.questions.acquire().await;
        rebuild::dry_run(&self.settings, request).await
    }

    /// Asks whichever process drives the rebuild to cancel it. If none does, it is cancelled at once.
    pub async fn cancel(&self, id: i64) -> Result<RebuildView, rebuild::Error> {
        let _permit = self.questions.acquire().await;
        rebuild::cancel(&self.settings, id).await
    }

    pub async fn get(&self, id: i64) -> Result<Option<RebuildView>, rebuild::Error> {
        let _permit = self.questions.acquire().await;
        rebuild::get(&self.settings.database, id).await
    }

    /// The newest first.
    pub async fn list(&self, limit: i64) -> Result<Vec<RebuildView>, rebuild::Error> {
        let _permit = self.questions.acquire().await;
        rebuild::list(&self.settings.database, limit).await
    }

    fn drive(&self, job: Job) {
        let stop = Stop { cancel: CancellationToken::new(), pause: self.pause.clone() };
        self.jobs.spawn(async move {
            let rebuild = job.id();
            match job.run(stop).await {
                Ok(Outcome::Active { build, .. }) => {
                    tracing::info!(rebuild, build, "a rebuild was switched in")
                }
                Ok(Outcome::Ready { build }) => {
                    tracing::info!(rebuild, build, "a rebuild waits to be switched in")
                }
                Ok(Outcome::Cancelled { reason }) => {
                    tracing::info!(rebuild, reason, "a rebuild was cancelled")
                }
                Ok(Outcome::Failed { reason, .. }) => tracing::error!(rebuild, reason, "a rebuild failed"),
                Ok(Outcome::Paused) => {
                    tracing::info!(rebuild, "a rebuild is paused until another process continues it")
                }
                Err(error) => tracing::error!(rebuild, %error, "a rebuild ended early"),
            }
        });
    }

    /// Continues what other processes leave behind, until the end of this one.
    pub async fn adopt(&self, health: &Health) -> ! {
        REBUILD_WATCH.run(health, || self.adopt_one()).await
    }

    async fn adopt_one(&self) {
        // A view has one unfinished rebuild at most. If this process drives it, it is not left behind, even if the
        // session that held the lock was lost a moment ago.
        if !self.jobs.is_empty() {
            return;
        }
        match rebuild::resume(&self.settings, views::ORDERS).await {
            Ok(Some(job)) => self.drive(job),
            Ok(None) => {}
            Err(error) => {
                tracing::debug!(%error, "could not look for rebuilds that no process drives");
            }
        }
    }

    /// Pauses all jobs where they are, and waits until they have stopped.
    pub async fn pause(&self) {
        self.pause.cancel();
        self.jobs.close();
        self.jobs.wait().await;
    }
}
