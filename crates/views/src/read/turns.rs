//! Answers that cost the processor and the memory much are worked on one after the other.

use std::sync::Arc;

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::gate::Pass;

/// Rows of fewer bytes are worked on at once.
pub(super) const LARGE_BYTES: usize = 64 << 10;

/// Half of the processors work on large answers, so that the others are free for small ones.
pub(super) struct Turns(Arc<Semaphore>);

/// A large answer may be worked on until this is dropped.
#[derive(Debug)]
pub struct Turn {
    _working: OwnedSemaphorePermit,
    /// The next read may begin when this answer is made. So only a few large answers hold their rows in memory at a time.
    _pass: Arc<Pass>,
}

impl Default for Turns {
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self(Arc::new(Semaphore::new((processors / 2).max(1))))
    }
}

impl Turns {
    /// Waits for a turn for rows of this size, which were read with this pass. `None`: they are small and need none. Large rows
    /// without a pass do not wait, because there may be any number of them.
    pub(super) async fn take(&self, bytes: usize, pass: Option<Arc<Pass>>) -> Option<Turn> {
        let pass = pass.filter(|_| bytes >= LARGE_BYTES)?;
        let working = Arc::clone(&self.0).acquire_owned().await.ok()?;
        Some(Turn { _working: working, _pass: pass })
    }
}

impl Turn {
    /// Does work on an answer: of one that has a turn, on a thread that may block, if the runtime has several.
    pub fn work<T>(turn: Option<&Self>, work: impl FnOnce() -> T) -> T {
        let flavor = || Handle::try_current().map(|runtime| runtime.runtime_flavor());
        match turn {
            Some(_) if matches!(flavor(), Ok(RuntimeFlavor::MultiThread)) => {
                tokio::task::block_in_place(work)
            }
            _ => work(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::read::gate::Gate;

    #[tokio::test(start_paused = true)]
    async fn large_rows_wait_for_each_other_and_small_ones_do_not() {
        let (turns, gate) = (Turns(Arc::new(Semaphore::new(1))), Gate::new(6, Duration::from_secs(1)));
        let pass = async || gate.enter().await.map(Arc::new);
        let first = turns.take(1 << 20, pass().await).await;
        assert!(first.is_some());
        assert!(turns.take(1000, pass().await).await.is_none());
        assert!(turns.take(1 << 20, None).await.is_none(), "nothing bounds how many would wait");
        let second = turns.take(1 << 20, pass().await);
        let (second, ()) = tokio::join!(second, async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            drop(first);
        });
        assert!(second.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn the_rows_of_few_large_answers_are_in_the_memory() {
        let gate = Gate::new(2, Duration::from_secs(1));
        let pass = gate.enter().await.map(Arc::new);
        let turn = Turns::default().take(1 << 20, pass).await;
        assert!(gate.enter().await.is_none(), "the answer is not made yet");
        drop(turn);
        assert!(gate.enter().await.is_some());
    }
}
