//! Bounds the reads that may take long, so that they leave connections to those that never do.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many reads may wait for each one that runs. Beyond them a read is refused at once: it would wait in vain.
const WAITING_PER_RUNNING: usize = 8;

pub(super) struct Gate {
    running: Arc<Semaphore>,
    waiting: Semaphore,
    wait: Duration,
}

/// Lets one read run, until it is dropped.
#[derive(Debug)]
pub(super) struct Pass {
    _running: OwnedSemaphorePermit,
}

impl Gate {
    /// Lets half as many reads run as there are connections. None waits longer than `wait`.
    pub(super) fn new(connections: usize, wait: Duration) -> Self {
        let running = (connections / 2).max(1);
        Self {
            running: Arc::new(Semaphore::new(running)),
            waiting: Semaphore::new(running * WAITING_PER_RUNNING),
            wait,
        }
    }

    /// `None`: too many are running and waiting.
    pub(super) async fn enter(&self) -> Option<Pass> {
        let _waiting = self.waiting.try_acquire().ok()?;
        let running = tokio::time::timeout(self.wait, Arc::clone(&self.running).acquire_owned()).await;
        Some(Pass { _running: running.ok()?.ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn half_of_the_connections_are_for_long_reads_and_a_few_more_wait() {
        let gate = Gate::new(4, Duration::from_secs(1));
        let first = gate.enter().await.unwrap();
        let _second = gate.enter().await.unwrap();
        assert!(gate.enter().await.is_none(), "it has waited for a second");
        let attempts = futures_util::future::join_all((0..20).map(|_| gate.enter()));
        let (entered, ()) = tokio::join!(attempts, async move {
            tokio::time::sleep(Duration::from_millis(500)).await;
            drop(first);
        });
        assert_eq!(entered.iter().flatten().count(), 1);
    }

    #[tokio::test]
    async fn one_connection_serves_long_reads_too() {
        assert!(Gate::new(1, Duration::from_secs(1)).enter().await.is_some());
    }
}
