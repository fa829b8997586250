//! The rebuilds that this process drives: those that were asked of it, and those that
//! another one left behind.

use std::sync::Arc;
use std::time::Duration;

use rebuild::{Job, Outcome, RebuildView, Request, Settings, Stop};
use service::exit::chain;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::problem::Problem;

const LOOK_EACH: Duration = Duration::from_secs(5);

/// Clones are one.
#[derive(Clone)]
pub struct Rebuilds {
    settings: Arc<Settings>,
    jobs: TaskTracker,
    /// Pauses the jobs: the next process goes on with them.
    pause: CancellationToken,
    /// Each question opens a connection of its own.
    questions: Arc<Semaphore>,
}

impl Rebuilds {
    pub fn new(settings: Settings) -> Self {
        Self {
            settings: Arc::new(settings),
            jobs: TaskTracker::new(),
            pause: CancellationToken::new(),
            questions: Arc::new(Semaphore::new(2)),
        }
    }

    /// Begins one, or goes on with the one that nobody drives; gives its id.
    pub async fn start(&self, request: &Request) -> Result<i64, rebuild::Error> {
        let _question = self.questions.acquire().await;
        let job = rebuild::start(&self.settings, request).await?;
        let id = job.id();
        self.drive(job);
        Ok(id)
    }

    /// Only plans one; gives the id under which that is recorded.
    pub async fn dry_run(&self, request: &Request) -> Result<i64, rebuild::Error> {
        let _question = self.questions.acquire().await;
        Ok(rebuild::dry_run(&self.settings, request).await?.rebuild.id)
    }

    pub async fn get(&self, id: i64) -> Result<Option<RebuildView>, rebuild::Error> {
        let _question = self.questions.acquire().await;
        rebuild::get(&self.settings.database, id).await
    }

    pub async fn list(&self, limit: i64) -> Result<Vec<RebuildView>, rebuild::Error> {
        let _question = self.questions.acquire().await;
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
                    tracing::info!(rebuild, "a rebuild rests until a process goes on with it")
                }
                Err(error) => tracing::error!(rebuild, error = chain(&error), "a rebuild stopped"),
            }
        });
    }

    /// Goes on with what another process left behind; never returns.
    pub async fn look_after(&self) -> ! {
        loop {
            tokio::time::sleep(LOOK_EACH).await;
            match rebuild::resume(&self.settings, views::ORDERS).await {
                Ok(Some(job)) => self.drive(job),
                Ok(None) => {}
                Err(error) => {
                    tracing::debug!(error = chain(&error), "could not look for rebuilds left behind")
                }
            }
        }
    }

    /// Lets the jobs rest where they are, and waits for that.
    pub async fn rest(&self) {
        self.pause.cancel();
        self.jobs.close();
        self.jobs.wait().await;
    }
}

impl From<rebuild::Error> for Problem {
    fn from(error: rebuild::Error) -> Self {
        match error {
            rebuild::Error::AlreadyRunning { id, .. } => {
                Self::conflict("rebuild-running", "A rebuild is running already", error.to_string())
                    .member("rebuild", format!("/rebuilds/{id}"))
            }
            rebuild::Error::LockHeld { .. } => {
                Self::conflict("rebuild-running", "A rebuild begins or ends", error.to_string())
            }
            rebuild::Error::UnknownView(_) => Self::bad_request(error.to_string()),
            rebuild::Error::Views(error) => error.into(),
            error @ rebuild::Error::EventLog(_) if error.recovery() == rebuild::Recovery::Retry => {
                tracing::warn!(error = chain(&error), "the log could not answer");
                Self::unavailable("Kafka does not answer at the moment", 5)
            }
            error => Self::internal(&error),
        }
    }
}
