//! The state machine: does what the rebuild's row says is next, until there is nothing
//! left to do, and does it again where the database or Kafka was away for a while.

use std::sync::Arc;
use std::time::{Duration, Instant};

use views::rebuild::{self as rows, Ending, RowOwner, RunnerLock, State, SwitchMode};
use views::{Database, Session, SessionKind};

use crate::error::{Error, Result};
use crate::job::Stop;
use crate::plan;
use crate::progress::Meter;
use crate::settings::Settings;

/// How long one step may fail in a row before the rebuild is left for later.
const PATIENCE: Duration = Duration::from_secs(300);
const REPORT_EVERY: Duration = Duration::from_secs(1);

/// How a rebuild ended, or why it rests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Switched in.
    Active {
        build: i64,
        replaced: Option<i64>,
    },
    /// Verified; waits to be switched in by hand.
    Ready {
        build: i64,
    },
    Cancelled {
        reason: String,
    },
    Failed {
        cause: FailureCause,
        reason: String,
    },
    /// Asked to rest: [`crate::start`] goes on with it.
    Paused,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureCause {
    /// The log is another one, or is not whole.
    Log,
    /// Verifying found a difference.
    Difference,
    Other,
}

/// What a step comes to.
pub(crate) enum Step {
    /// On to what the row says now.
    Next,
    Done(Outcome),
    Fail {
        cause: FailureCause,
        reason: String,
        plan: Option<serde_json::Value>,
        differences: Option<serde_json::Value>,
    },
}

pub(crate) struct Runner {
    pub(crate) settings: Settings,
    pub(crate) view: String,
    pub(crate) row: RowOwner,
    pub(crate) switch: SwitchMode,
    pub(crate) meter: Arc<Meter>,
    pub(crate) lock: Option<RunnerLock>,
}

impl Runner {
    pub(crate) async fn drive(mut self, stop: Stop) -> Result<Outcome> {
        let reports = report(self.settings.database.clone(), self.row.clone(), Arc::clone(&self.meter));
        tokio::pin!(reports);
        let mut failing: Option<(Instant, u32)> = None;
        loop {
            let result = tokio::select! {
                biased;
                () = stop.cancel.cancelled() => return self.cancel().await,
                () = stop.pause.cancelled() => return Ok(Outcome::Paused),
                error = &mut reports => Err(error),
                result = self.step() => result,
            };
            let error = match result {
                Ok(Step::Next) => {
                    failing = None;
                    continue;
                }
                Ok(Step::Done(outcome)) => {
                    self.save_progress().await;
                    return Ok(outcome);
                }
                Ok(Step::Fail { cause, reason, plan, differences }) => {
                    return self.fail(cause, reason, plan, differences).await;
                }
                Err(Error::Taken) => return self.ended_elsewhere().await,
                Err(error) => error,
            };
            let (since, tries) = failing.get_or_insert((Instant::now(), 0));
            if !error.is_passing() {
                let cause = match &error {
                    Error::Log(_) => FailureCause::Log,
                    _ => FailureCause::Other,
                };
                return self.fail(cause, error.to_string(), None, None).await;
            }
            if since.elapsed() > PATIENCE {
                tracing::error!(
                    rebuild = self.row.rebuild,
                    "left as it is; the next rebuild goes on with it"
                );
                return Err(error);
            }
            *tries += 1;
            let pause = views::tx::pause(*tries);
            tracing::warn!(rebuild = self.row.rebuild, %error, "rebuild: trying again");
            self.meter.wait_for(Some(error.to_string()));
            tokio::select! {
                () = stop.cancel.cancelled() => return self.cancel().await,
                () = stop.pause.cancelled() => return Ok(Outcome::Paused),
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Does what is next.
    async fn step(&mut self) -> Result<Step> {
        self.hold_lock().await?;
        let session = self.session(SessionKind::Short).await?;
        let Some(row) = rows::get(&session, self.row.rebuild).await? else { return Err(Error::Taken) };
        if row.runner.as_deref() != Some(&self.row.name) {
            return Err(Error::Taken);
        }
        let build = row.build.ok_or_else(|| Error::Other("the rebuild has no build".into()));
        self.meter.enter(row.state);
        tracing::info!(rebuild = row.id, build = row.build.map(|build| build.0), state = %row.state, "rebuild");
        match row.state {
            State::Planned => self.plan(session).await,
            State::Loading => self.load(build?, &plan::from_row(row.plan)?).await,
            State::Deriving => self.derive(build?).await,
            State::CatchingUp => self.catch_up(build?).await,
            State::Verifying => self.verify(build?).await,
            State::Ready if self.switch == SwitchMode::Manual => {
                Ok(Step::Done(Outcome::Ready { build: build?.0 }))
            }
            State::Ready => self.advance(&session, State::Ready, State::Switching).await,
            State::Switching => self.switch_in(build?).await,
            State::Active => {
                let replaced = plan::from_row(row.plan).ok().map(|plan| plan.live_build);
                Ok(Step::Done(Outcome::Active { build: build?.0, replaced }))
            }
            State::Cancelled | State::Failed | State::Superseded | State::RolledBack => Err(Error::Taken),
        }
    }

    pub(crate) async fn session(&self, kind: SessionKind) -> Result<Session> {
        Ok(self.settings.database.session("food-orders rebuild", kind).await?)
    }

    /// The name in the position rows of the build.
    pub(crate) fn owner(&self) -> String {
        format!("rebuild {} ({})", self.row.rebuild, self.row.name)
    }

    pub(crate) async fn advance(&self, session: &Session, from: State, to: State) -> Result<Step> {
        self.row.advance(session, from, to).await.map_err(taken)?;
        Ok(Step::Next)
    }

    /// The lock goes with its session: it is taken again, unless somebody else was faster.
    async fn hold_lock(&mut self) -> Result<()> {
        if self.lock.as_ref().is_some_and(RunnerLock::is_held) {
            return Ok(());
        }
        self.lock = None;
        let lock = RunnerLock::take(&self.settings.database, &self.view).await?;
        self.lock = Some(lock.ok_or(Error::Taken)?);
        Ok(())
    }

    async fn cancel(&self) -> Result<Outcome> {
        let reason = format!("cancelled in {}", self.settings.process);
        let ending = Ending { state: State::Cancelled, reason: &reason, plan: None, differences: None };
        if self.end(&ending, false).await? {
            return Ok(Outcome::Cancelled { reason });
        }
        self.ended_elsewhere().await
    }

    async fn fail(
        &self,
        cause: FailureCause,
        reason: String,
        plan: Option<serde_json::Value>,
        differences: Option<serde_json::Value>,
    ) -> Result<Outcome> {
        let ending = Ending {
            state: State::Failed,
            reason: &reason,
            plan: plan.as_ref(),
            differences: differences.as_ref(),
        };
        // A build that differs is there to be looked at until the next rebuild begins.
        if self.end(&ending, cause == FailureCause::Difference).await? {
            return Ok(Outcome::Failed { cause, reason });
        }
        self.ended_elsewhere().await
    }

    async fn save_progress(&self) {
        let progress = serde_json::to_value(self.meter.publish()).unwrap_or_default();
        let saved = async {
            let session = self.session(SessionKind::Short).await?;
            Ok::<_, Error>(self.row.save_progress(&session, &progress).await?)
        };
        if let Err(error) = saved.await {
            tracing::debug!(%error, "the progress of a rebuild was not written down");
        }
    }

    async fn end(&self, ending: &Ending<'_>, keep_build: bool) -> Result<bool> {
        let mut session = self.session(SessionKind::Short).await?;
        let build = rows::get(&session, self.row.rebuild).await?.and_then(|row| row.build);
        self.save_progress().await;
        Ok(self.row.abandon(&mut session, ending, build, keep_build).await?)
    }

    /// What became of it: perhaps a commit whose answer was lost, perhaps another process.
    async fn ended_elsewhere(&self) -> Result<Outcome> {
        let session = self.session(SessionKind::Short).await?;
        let row = rows::get(&session, self.row.rebuild).await?.ok_or(Error::Taken)?;
        let reason = row.reason.unwrap_or_default();
        match (row.state, row.build) {
            (State::Active, Some(build)) => {
                let replaced = plan::from_row(row.plan).ok().map(|plan| plan.live_build);
                Ok(Outcome::Active { build: build.0, replaced })
            }
            (State::Cancelled, _) => Ok(Outcome::Cancelled { reason }),
            (State::Failed, _) => Ok(Outcome::Failed { cause: FailureCause::Other, reason }),
            _ => Err(Error::Taken),
        }
    }
}

/// The row is not this runner's any more.
pub(crate) fn taken(error: views::Error) -> Error {
    match error {
        views::Error::NotTheOwner { .. } => Error::Taken,
        other => Error::Views(other),
    }
}

/// Writes the progress down every second; returns when the row is somebody else's.
/// While the database is away the steps find that out for themselves.
async fn report(database: Database, row: RowOwner, meter: Arc<Meter>) -> Error {
    let mut session: Option<Session> = None;
    loop {
        tokio::time::sleep(REPORT_EVERY).await;
        let progress = serde_json::to_value(meter.publish()).unwrap_or_default();
        if session.as_ref().is_none_or(Session::is_closed) {
            session = database.session("food-orders rebuild progress", SessionKind::Reports).await.ok();
        }
        let Some(session) = &session else { continue };
        match row.save_progress(session, &progress).await {
            Err(views::Error::NotTheOwner { .. }) => return Error::Taken,
            Err(error) => tracing::debug!(%error, "the progress of a rebuild was not written down"),
            Ok(()) => {}
        }
    }
}
