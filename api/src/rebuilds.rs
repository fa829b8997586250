//! The rebuilds that this process drives: those that it was asked to start, and those that another process left
//! behind.

use std::sync::Arc;
use std::time::Duration;

use rebuild::{DryRun, Job, Outcome, RebuildView, Request, Settings, Stop};
use service::Health;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::problem::Problem;
use crate::watch::Watch;

/// How many questions about rebuilds are answered at a time, and how many orders of operators; each opens a connection of
/// its own.
const AT_A_TIME: usize = 2;
/// How long a question waits before it is refused. An order waits as long as it takes.
const QUESTION_WAIT: Duration = Duration::from_secs(1);
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
    orders: Arc<Semaphore>,
}

impl Rebuilds {
    pub fn new(settings: Settings) -> Self {
        Self {
            settings: Arc::new(settings),
            jobs: TaskTracker::new(),
            pause: CancellationToken::new(),
            questions: Arc::new(Semaphore::new(AT_A_TIME)),
            orders: Arc::new(Semaphore::new(AT_A_TIME)),
        }
    }

    /// Begins a rebuild, or continues the one that no process drives. Returns its id.
    pub async fn start(&self, request: &Request) -> Result<i64, rebuild::Error> {
        let _permit = self.orders.acquire().await;
        let job = rebuild::start(&self.settings, request).await?;
        let id = job.id();
        self.drive(job);
        Ok(id)
    }

    /// Plans a rebuild and does not begin it.
    pub async fn dry_run(&self, request: &Request) -> Result<DryRun, rebuild::Error> {
        let _permit = self.orders.acquire().await;
        rebuild::dry_run(&self.settings, request).await
    }

    /// Asks whichever process drives the rebuild to cancel it. If none does, it is cancelled at once.
    pub async fn cancel(&self, id: i64) -> Result<RebuildView, rebuild::Error> {
        let _permit = self.orders.acquire().await;
        rebuild::cancel(&self.settings, id).await
    }

    pub async fn get(&self, id: i64) -> Result<Option<RebuildView>, Problem> {
        let _permit = self.question().await?;
        Ok(rebuild::get(&self.settings.database, id).await?)
    }

    /// The newest first.
    pub async fn list(&self, limit: i64) -> Result<Vec<RebuildView>, Problem> {
        let _permit = self.question().await?;
        Ok(rebuild::list(&self.settings.database, limit).await?)
    }

    async fn question(&self) -> Result<SemaphorePermit<'_>, Problem> {
        match tokio::time::timeout(QUESTION_WAIT, self.questions.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(Problem::unavailable("too many clients ask about rebuilds; try again in a moment", 1)),
        }
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
