//! The state machine that drives one rebuild: runs the step that the row's state asks for,
//! until the rebuild has ended. A step that failed because the database or Kafka was away
//! runs again.

use std::time::Duration;

use retry::Backoff;
use views::rebuild::{self as rows, RebuildRow, RunnerLock, State, SwitchMode};
use views::{Build, SessionKind};

use crate::context::Context;
use crate::ending;
use crate::error::{Error, Recovery, Result};
use crate::failure::Failure;
use crate::json::from_json;
use crate::outcome::Outcome;
use crate::ownership::take_lock_again;
use crate::plan::Plan;
use crate::report::{self, RowEnd};
use crate::steps::{self, Derived, StepEnd};
use crate::stop::Stop;
use crate::verified;

/// How long a step may keep failing before the rebuild is left to the next start.
const GIVE_UP_AFTER: Duration = Duration::from_secs(300);

pub(crate) struct StateMachine {
    context: Context,
    /// `None` while the session that held it is lost.
    lock: Option<RunnerLock>,
    /// `None` if another process derived the orders, if nobody has yet, or if the log was not read beside that.
    derived: Option<Box<Derived>>,
}

/// What the state of the row asked for.
enum Turn {
    /// A step, which has ended.
    Step(StepEnd),
    /// Nothing more.
    Over(Outcome),
}

impl StateMachine {
    pub(crate) fn new(context: Context, lock: RunnerLock) -> Self {
        Self { context, lock: Some(lock), derived: None }
    }

    pub(crate) async fn run(mut self, stop: Stop) -> Result<Outcome> {
        let context = self.context.clone();
        let row_end = report::report_until_row_ends(context.clone());
        tokio::pin!(row_end);
        loop {
            let turn = tokio::select! {
                biased;
                () = stop.cancel.cancelled() => return ending::cancel(&context, &context.settings.process).await,
                () = stop.pause.cancelled() => return Ok(ending::pause(&context).await),
                end = &mut row_end => match end {
                    RowEnd::CancelRequested { by } => return ending::cancel(&context, &by).await,
                    RowEnd::Lost => Err(Error::NotOwner),
                },
                turn = self.turn_with_retries() => turn,
            };
            match turn {
                Ok(Turn::Step(StepEnd::Next(state))) => {
                    tracing::debug!(rebuild = context.owner.rebuild, %state, "a step of the rebuild is done");
                }
                Ok(Turn::Step(StepEnd::Derived(derived))) => {
                    tracing::debug!(rebuild = context.owner.rebuild, "the orders are derived");
                    self.derived = Some(derived);
                }
                Ok(Turn::Step(StepEnd::Failed(failure))) => return ending::fail(&context, *failure).await,
                Ok(Turn::Over(outcome)) => {
                    report::report_last(&context).await;
                    return Ok(outcome);
                }
                Err(error) => return end_after(&context, error).await,
            }
        }
    }

    /// Repeats a turn that failed with a passing error. If it returns an error whose recovery is
    /// [`Recovery::Retry`], it gave up.
    async fn turn_with_retries(&mut self) -> Result<Turn> {
        let mut backoff = Backoff::default();
        loop {
            let error = match self.turn().await {
                Err(error) if error.recovery() == Recovery::Retry => error,
                result => return result,
            };
            if backoff.failing_for() > GIVE_UP_AFTER {
                return Err(error);
            }
            let pause = backoff.next_pause();
            let (rebuild, attempts) = (self.context.owner.rebuild, backoff.failures());
            tracing::warn!(rebuild, attempts, %error, "a step of the rebuild runs again");
            self.context.meter.wait_for(Some(format!("the next attempt, after an error: {error}")));
            tokio::time::sleep(pause).await;
        }
    }

    /// Does what the state of the row asks for, once.
    async fn turn(&mut self) -> Result<Turn> {
        self.hold_lock().await?;
        let lost = async {
            match &self.lock {
                Some(lock) => lock.lost().await,
                None => std::future::pending().await,
            }
        };
        // Without the lock, another process may drive the rebuild; so this one stops in the middle of its step.
        tokio::select! {
            biased;
            turn = self.turn_under_lock() => turn,
            error = lost => Err(error.into()),
        }
    }

    async fn turn_under_lock(&self) -> Result<Turn> {
        let context = &self.context;
        let session = context.session(SessionKind::Short).await?;
        let row = rows::get(&session, context.owner.rebuild).await?.ok_or(Error::NotOwner)?;
        if row.runner.as_deref() != Some(&context.owner.name) {
            return Err(Error::NotOwner);
        }
        context.meter.enter(row.state);
        tracing::info!(rebuild = row.id, build = row.build.map(|build| build.0), state = %row.state, "a step of the rebuild begins");
        let step = match row.state {
            State::Planned => steps::plan::run(context, session, &row).await,
            State::Loading => steps::load::run(context, &row, build(&row)?, &Plan::of_row(&row)?).await,
            State::Deriving => steps::derive::run(context, &row, build(&row)?, &Plan::of_row(&row)?).await,
            State::CatchingUp => steps::catch_up::run(context, build(&row)?, self.derived.is_some()).await,
            State::Verifying => {
                let (build, plan, derived) = (build(&row)?, Plan::of_row(&row)?, self.derived.as_deref());
                steps::verify::run(context, &row, build, &plan, derived).await
            }
            State::Ready if row.switch == SwitchMode::Manual => {
                return Ok(Turn::Over(Outcome::Ready { build: build(&row)?.0 }));
            }
            State::Ready => {
                context.advance(&session, State::Ready, State::Switching).await?;
                Ok(StepEnd::Next(State::Switching))
            }
            State::Switching => {
                steps::switch::run(context, build(&row)?, &Plan::of_row(&row)?, verified::of_row(&row)?).await
            }
            State::Active => {
                let (build, plan) = (build(&row)?.0, from_json::<Plan>(row.plan));
                return Ok(Turn::Over(Outcome::Active { build, replaced: plan.map(|plan| plan.live_build) }));
            }
            State::Cancelled | State::Failed | State::Superseded | State::RolledBack => {
                return Err(Error::NotOwner);
            }
        };
        step.map(Turn::Step)
    }

    /// The lock is lost with its session. It is taken again, unless another process was faster.
    async fn hold_lock(&mut self) -> Result<()> {
        if self.lock.as_ref().is_some_and(RunnerLock::is_held) {
            return Ok(());
        }
        self.lock = None;
        let Context { settings, view, owner, .. } = &self.context;
        self.lock = Some(take_lock_again(settings, view, owner).await?);
        Ok(())
    }
}

/// What becomes of the rebuild after an error that trying again did not fix.
async fn end_after(context: &Context, error: Error) -> Result<Outcome> {
    match error.recovery() {
        Recovery::LetGo => ending::let_go(context).await,
        Recovery::Fail(cause) => ending::fail(context, Failure::new(cause, error.to_string())).await,
        Recovery::Retry => {
            tracing::error!(
                rebuild = context.owner.rebuild,
                %error,
                "gave up trying; the rebuild stays as it is, and the next start continues it"
            );
            Err(error)
        }
    }
}

/// The build of a row in a state that has one.
fn build(row: &RebuildRow) -> Result<Build> {
    row.build.ok_or(Error::IncompleteRow { rebuild: row.id, state: row.state, missing: "build" })
}
