//! Work on shares of a build, a few at a time.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::error::Result;

/// Each share keeps a core or two of the database busy; more would crowd out the live writers.
const AT_ONCE: usize = 2;

/// Runs work in tasks of its own. Dropping it ends them.
pub(crate) struct Shares<T> {
    tasks: JoinSet<Result<T>>,
    permits: Arc<Semaphore>,
}

impl<T: Send + 'static> Shares<T> {
    pub(crate) fn new() -> Self {
        Self { tasks: JoinSet::new(), permits: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    pub(crate) fn add(&mut self, work: impl Future<Output = Result<T>> + Send + 'static) {
        let permits = Arc::clone(&self.permits);
        self.tasks.spawn(async move {
            // It fails only if the semaphore is closed, which nobody does.
            let _permit = permits.acquire_owned().await;
            work.await
        });
    }

    /// What the next share that ended has returned; `None`: all have ended.
    pub(crate) async fn next(&mut self) -> Result<Option<T>> {
        match self.tasks.join_next().await {
            Some(ended) => ended?.map(Some),
            None => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn all_are_done_two_at_a_time() {
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut shares = Shares::new();
        for number in 0..10 {
            let (running, most) = (Arc::clone(&running), Arc::clone(&most));
            shares.add(async move {
                let others = running.fetch_add(1, Ordering::SeqCst);
                most.fetch_max(others + 1, Ordering::SeqCst);
                // The other tasks begin now, if they may.
                tokio::task::yield_now().await;
                running.fetch_sub(1, Ordering::SeqCst);
                Ok(number)
            });
        }
        let mut sum = 0;
        while let Some(number) = shares.next().await.unwrap() {
            sum += number;
        }
        assert_eq!((sum, most.load(Ordering::SeqCst)), (45, AT_ONCE));
    }
}
