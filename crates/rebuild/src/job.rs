//! Starting a rebuild, or going on with one that was left behind.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;
use views::rebuild::{self as rows, Ending, NewRebuild, RebuildRow, RowOwner, RunnerLock, State, SwitchMode};
use views::{ORDERS, PROJECTION_VERSION, Session, SessionKind};

use crate::error::{Error, Result};
use crate::plan;
use crate::progress::{Meter, Progress};
use crate::resource::RebuildView;
use crate::runner::{FailureCause, Outcome, Runner};
use crate::settings::{Request, Settings};

/// Asks a rebuild to end before it is done.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    /// For good: its build is dropped.
    pub cancel: CancellationToken,
    /// For now: the next [`start`], in any process, goes on with it.
    pub pause: CancellationToken,
}

/// A rebuild that is recorded and that this process is to drive. While it is not run,
/// nobody does; dropping it leaves it for the next [`start`].
pub struct Job {
    runner: Runner,
    resumed: Option<State>,
    progress: watch::Receiver<Progress>,
}

impl Job {
    #[must_use]
    pub fn id(&self) -> i64 {
        self.runner.row.rebuild
    }

    /// Where an earlier run had left it; `None`: it is a new one.
    #[must_use]
    pub fn resumed(&self) -> Option<State> {
        self.resumed
    }

    /// Changes about once a second, and with every phase.
    #[must_use]
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.clone()
    }

    /// Runs it to its end, on threads of its own: decoding and folding would hold up
    /// whatever else the caller's runtime serves. Dropping the future pauses it.
    pub async fn run(self, stop: Stop) -> Result<Outcome> {
        let pause = stop.pause.child_token();
        let _pause_when_dropped = pause.clone().drop_guard();
        let stop = Stop { cancel: stop.cancel, pause };
        let (reply, answer) = oneshot::channel();
        let thread = std::thread::Builder::new().name("rebuild".into());
        thread
            .spawn(move || {
                // Without a listener nobody wants the answer.
                let _ = reply.send(run_here(self.runner, stop));
            })
            .map_err(|error| Error::Other(format!("no thread for the rebuild: {error}")))?;
        answer.await.map_err(|_| Error::Other("the rebuild's thread has ended early".into()))?
    }
}

fn run_here(runner: Runner, stop: Stop) -> Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("rebuild-worker")
        .enable_all()
        .build()
        .map_err(|error| Error::Other(format!("no threads for the rebuild: {error}")))?;
    let outcome = runtime.block_on(Box::pin(runner.drive(stop)));
    // A question to Kafka that still waits does not hold up the end.
    runtime.shutdown_background();
    outcome
}

/// Records a new rebuild, or takes over the one that nobody drives. Refused while
/// another process drives one of the same view.
pub async fn start(settings: &Settings, request: &Request) -> Result<Job> {
    check_view(&request.view)?;
    let lock = take_lock(settings, &request.view).await?;
    let session = session(settings).await?;
    let name = runner_name(settings);
    if let Some(row) = rows::running(&session, &request.view).await? {
        let resumed = row.state;
        let runner = RowOwner { rebuild: row.id, name: name.clone() };
        runner.adopt(&session, request.switch).await?;
        let earlier = row.progress.clone();
        if take_over(settings, &session, &runner, row).await? {
            tracing::info!(rebuild = runner.rebuild, state = %resumed, "going on with a rebuild that nobody drove");
            let earlier = earlier.and_then(|value| serde_json::from_value(value).ok());
            return Ok(job(settings, request, runner, lock, Some(resumed), earlier));
        }
    }
    let new = NewRebuild { view: &request.view, switch: request.switch, runner: &name };
    let rebuild = rows::insert(&session, &new).await?;
    Ok(job(settings, request, RowOwner { rebuild, name }, lock, None, None))
}

/// Goes on with the rebuild that nobody drives, if there is one that this program can go
/// on with by itself: of its own projection version, and not waiting for a person.
pub async fn resume(settings: &Settings, view: &str) -> Result<Option<Job>> {
    check_view(view)?;
    let session = session(settings).await?;
    if left_behind(&session, view).await?.is_none() {
        return Ok(None);
    }
    let Some(lock) = RunnerLock::take(&settings.database, view).await? else { return Ok(None) };
    // Under the lock it counts: its runner may have ended it a moment ago.
    let Some(row) = left_behind(&session, view).await? else { return Ok(None) };
    let request = Request { view: view.to_owned(), switch: row.switch };
    let runner = RowOwner { rebuild: row.id, name: runner_name(settings) };
    runner.adopt(&session, row.switch).await?;
    let (resumed, earlier) = (row.state, row.progress.clone());
    if !take_over(settings, &session, &runner, row).await? {
        return Ok(None);
    }
    tracing::info!(rebuild = runner.rebuild, state = %resumed, "going on with a rebuild that nobody drove");
    let earlier = earlier.and_then(|value| serde_json::from_value(value).ok());
    Ok(Some(job(settings, &request, runner, lock, Some(resumed), earlier)))
}

/// An unfinished rebuild that a program may go on with unasked, whoever drives it.
async fn left_behind(session: &Session, view: &str) -> Result<Option<RebuildRow>> {
    let Some(row) = rows::running(session, view).await? else { return Ok(None) };
    let waits = row.state == State::Ready && row.switch == SwitchMode::Manual;
    let ours = match row.build {
        Some(build) => build.projection_version(session).await? == PROJECTION_VERSION,
        None => true,
    };
    Ok((ours && !waits).then_some(row))
}

/// What came of a dry run.
#[derive(Clone, Debug)]
pub struct DryRun {
    pub rebuild: RebuildView,
    /// The plan cannot be carried out; the row's reason has the numbers.
    pub refused: Option<FailureCause>,
}

/// Plans a rebuild, records that, and goes no further.
pub async fn dry_run(settings: &Settings, request: &Request) -> Result<DryRun> {
    check_view(&request.view)?;
    let session = session(settings).await?;
    let (plan, refusal) = plan::make(settings, &session, &request.view).await?;
    let plan = serde_json::to_value(&plan).map_err(|error| Error::Other(error.to_string()))?;
    let new = NewRebuild { view: &request.view, switch: request.switch, runner: &runner_name(settings) };
    let reason = refusal.as_ref().map(|refusal| refusal.reason.as_str());
    let id = rows::insert_finished(&session, &new, &plan, reason).await?;
    let row = rows::get(&session, id).await?;
    let row = row.ok_or_else(|| Error::Other("the dry run's row is gone".into()))?;
    Ok(DryRun { rebuild: row.into(), refused: refusal.map(|refusal| refusal.cause) })
}

/// Cancels the rebuild that nobody drives: one that waits in `ready`, or whose process
/// was killed. Returns its id. Refused while a process drives it.
pub async fn cancel_left_behind(settings: &Settings, view: &str) -> Result<Option<i64>> {
    check_view(view)?;
    let _lock = take_lock(settings, view).await?;
    let mut session = session(settings).await?;
    let Some(row) = rows::running(&session, view).await? else { return Ok(None) };
    let runner = RowOwner { rebuild: row.id, name: runner_name(settings) };
    runner.adopt(&session, row.switch).await?;
    let reason = format!("cancelled in {}", settings.process);
    let ending = Ending { state: State::Cancelled, reason: &reason, plan: None, differences: None };
    runner.abandon(&mut session, &ending, row.build, false).await?;
    Ok(Some(row.id))
}

fn job(
    settings: &Settings,
    request: &Request,
    row: RowOwner,
    lock: RunnerLock,
    resumed: Option<State>,
    earlier: Option<Progress>,
) -> Job {
    let (meter, progress) = Meter::new(resumed.unwrap_or(State::Planned), earlier);
    let runner = Runner {
        settings: settings.clone(),
        view: request.view.clone(),
        row,
        switch: request.switch,
        meter: Arc::new(meter),
        lock: Some(lock),
    };
    Job { runner, resumed, progress }
}

/// Whether the rebuild can be gone on with; if not it is ended here. What was verified
/// may be long ago: it is caught up and verified again.
async fn take_over(
    settings: &Settings,
    session: &Session,
    runner: &RowOwner,
    row: RebuildRow,
) -> Result<bool> {
    let version = match row.build {
        Some(build) => build.projection_version(session).await?,
        None => PROJECTION_VERSION,
    };
    if version != PROJECTION_VERSION {
        let reason = format!(
            "its build has projection version {version}, this program makes version {PROJECTION_VERSION}"
        );
        let ending = Ending { state: State::Failed, reason: &reason, plan: None, differences: None };
        let mut session = self::session(settings).await?;
        runner.abandon(&mut session, &ending, row.build, false).await?;
        return Ok(false);
    }
    if matches!(row.state, State::Verifying | State::Ready | State::Switching) {
        runner.advance(session, row.state, State::CatchingUp).await?;
    }
    Ok(true)
}

/// Waits a moment for one who has the lock and no row yet, or no longer.
async fn take_lock(settings: &Settings, view: &str) -> Result<RunnerLock> {
    for _ in 0..50 {
        if let Some(lock) = RunnerLock::take(&settings.database, view).await? {
            return Ok(lock);
        }
        let session = session(settings).await?;
        if let Some(row) = rows::running(&session, view).await? {
            let runner = row.runner.unwrap_or_else(|| "another process".into());
            return Err(Error::AlreadyRunning { view: view.to_owned(), id: row.id, runner });
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err(Error::Other(format!("the lock for rebuilds of view {view} is held, but no rebuild is recorded")))
}

fn check_view(view: &str) -> Result<()> {
    if view == ORDERS { Ok(()) } else { Err(Error::UnknownView(view.to_owned())) }
}

async fn session(settings: &Settings) -> Result<Session> {
    Ok(settings.database.session("food-orders rebuild", SessionKind::Short).await?)
}

/// Readable, and never used again: what an earlier runner still tries is refused.
fn runner_name(settings: &Settings) -> String {
    let host = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    let host = host.unwrap_or_else(|| "unknown host".into());
    let random = uuid::Uuid::new_v4().as_fields().0;
    format!("{}, process {} on {host}, {random:08x}", settings.process, std::process::id())
}
