//! A rebuild that this process may drive, and the threads that it runs on.

use tokio::sync::{oneshot, watch};
use views::rebuild::{RunnerLock, State};

use crate::context::Context;
use crate::error::{Error, Result};
use crate::outcome::Outcome;
use crate::progress::Progress;
use crate::state_machine::StateMachine;
use crate::stop::Stop;

/// A rebuild that is recorded, and that no other process may drive while this value lives.
/// It makes no progress until [`Job::run`]; dropping it leaves the rebuild to the next start.
pub struct Job {
    context: Context,
    lock: RunnerLock,
    resumed_in: Option<State>,
    progress: watch::Receiver<Progress>,
}

impl Job {
    pub(crate) fn new(
        context: Context,
        lock: RunnerLock,
        resumed_in: Option<State>,
        progress: watch::Receiver<Progress>,
    ) -> Self {
        Self { context, lock, resumed_in, progress }
    }

    #[must_use]
    pub fn id(&self) -> i64 {
        self.context.owner.rebuild
    }

    /// The state in which an earlier process left this rebuild; `None` for a new one.
    #[must_use]
    pub fn resumed(&self) -> Option<State> {
        self.resumed_in
    }

    /// Changes about once a second, and with every state.
    #[must_use]
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.clone()
    }

    /// Runs the rebuild to its end, on threads of its own: decoding and folding would hold up
    /// whatever else the caller's runtime serves. Dropping the future pauses the rebuild.
    ///
    /// Returns an error if the rebuild stopped and its row is still unfinished: the database or
    /// Kafka was away for too long, or another process drives it.
    pub async fn run(self, stop: Stop) -> Result<Outcome> {
        let pause = stop.pause.child_token();
        let _pause_when_dropped = pause.clone().drop_guard();
        let stop = Stop { cancel: stop.cancel, pause };
        let machine = StateMachine::new(self.context, self.lock);
        let (sender, outcome) = oneshot::channel();
        std::thread::Builder::new()
            .name("rebuild".into())
            .spawn(move || {
                // The receiver is gone if the caller dropped the future; then nobody wants the outcome.
                let _ = sender.send(run_on_this_thread(machine, stop));
            })
            .map_err(|cause| Error::NoThread { cause })?;
        outcome.await.map_err(|_| Error::ThreadLost)?
    }
}

fn run_on_this_thread(machine: StateMachine, stop: Stop) -> Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("rebuild-worker")
        .enable_all()
        .build()
        .map_err(|cause| Error::NoThread { cause })?;
    let outcome = runtime.block_on(Box::pin(machine.run(stop)));
    // A request to Kafka may still block one of its threads.
    runtime.shutdown_background();
    outcome
}
