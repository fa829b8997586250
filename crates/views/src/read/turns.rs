//! Answers that cost the processor and the memory much are worked on one after the other.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::byte_budget::ByteBudget;

/// Rows of fewer bytes are worked on at once.
const LARGE_BYTES: usize = 64 << 10;
/// All rows together that are worked on or wait for it.
const BUDGET_BYTES: usize = 32 << 20;

/// Half of the processors work on large answers, so that the others are free for small ones.
pub(super) struct Turns {
    working: Arc<Semaphore>,
    bytes: ByteBudget,
    wait: Duration,
}

/// A large answer may be worked on until this is dropped.
#[derive(Debug)]
pub struct Turn {
    _working: OwnedSemaphorePermit,
    _bytes: OwnedSemaphorePermit,
}

impl Turns {
    /// No answer waits longer than `wait`.
    pub(super) fn new(wait: Duration) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            working: Arc::new(Semaphore::new((processors / 2).max(1))),
            bytes: ByteBudget::new(BUDGET_BYTES),
            wait,
        }
    }

    /// Takes a turn for rows of this size. `Ok(None)`: they are small and need none.
    pub(super) async fn take(&self, bytes: usize) -> Result<Option<Turn>, TooMany> {
        if bytes < LARGE_BYTES {
            return Ok(None);
        }
        let bytes = self.bytes.take(bytes).ok_or(TooMany)?;
        let working = tokio::time::timeout(self.wait, Arc::clone(&self.working).acquire_owned()).await;
        match working {
            Ok(Ok(working)) => Ok(Some(Turn { _working: working, _bytes: bytes })),
            _ => Err(TooMany),
        }
    }
}

/// Too many large answers are being worked on and wait.
#[derive(Debug)]
pub(super) struct TooMany;

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
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn large_rows_wait_for_each_other_and_small_ones_do_not() {
        let turns = Turns { working: Arc::new(Semaphore::new(1)), ..Turns::new(Duration::from_secs(1)) };
        let first = turns.take(1 << 20).await.unwrap();
        assert!(first.is_some());
        assert!(turns.take(1000).await.unwrap().is_none());
        assert!(turns.take(1 << 20).await.is_err(), "it has waited for a second");
        let (second, ()) = tokio::join!(turns.take(1 << 20), async move { drop(first) });
        assert!(second.unwrap().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn rows_beyond_the_budget_are_refused_at_once() {
        let turns = Turns::new(Duration::from_secs(3600));
        let first = turns.take(usize::MAX).await.unwrap();
        assert!(turns.take(1 << 20).await.is_err());
        drop(first);
        assert!(turns.take(1 << 20).await.unwrap().is_some());
    }
}
