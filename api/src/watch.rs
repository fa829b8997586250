//! Tasks that check something at intervals, beside the requests. If one of them hangs, `/health/live` fails.

use std::time::Duration;

use service::Health;

/// One such task.
#[derive(Clone, Copy, Debug)]
pub struct Watch {
    /// Its name in `/health/live` and in the log.
    pub name: &'static str,
    /// The pause between two checks.
    pub pause: Duration,
    /// A check that takes longer is abandoned, and counts as done.
    pub check_limit: Duration,
    /// If no check begins for this long, the process is no longer live. Longer than `pause` and `check_limit` together.
    pub overdue_after: Duration,
}

impl Watch {
    /// Checks until the end of the process. `check` is not an async closure because a bound on one cannot yet
    /// require that its future is `Send`.
    pub async fn run<F: Future<Output = ()>>(self, health: &Health, check: impl Fn() -> F) -> ! {
        loop {
            health.beat(self.name, self.overdue_after);
            if tokio::time::timeout(self.check_limit, check()).await.is_err() {
                let limit_s = self.check_limit.as_secs();
                tracing::warn!(watch = self.name, limit_s, "a check took too long and was abandoned");
            }
            tokio::time::sleep(self.pause).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    const WATCH: Watch = Watch {
        name: "test watch",
        pause: Duration::from_millis(1),
        check_limit: Duration::from_millis(50),
        overdue_after: Duration::from_millis(200),
    };

    async fn until_live_is(fine: bool, health: &Health) {
        let changed = async {
            while health.live().is_fine() != fine {
                // Nothing says when a check is abandoned.
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), changed).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn live_fails_while_a_watch_hangs() {
        let health = Health::default();
        let (hang, hung) = std::sync::mpsc::channel::<()>();
        let (hung, watching) = (Mutex::new(hung), health.clone());
        // Blocks its thread until `hang` is dropped, so that not even the limit of a check can end it.
        let check = move || _ = hung.lock().unwrap().recv();
        let task = tokio::spawn(async move { WATCH.run(&watching, || async { check() }).await });
        until_live_is(false, &health).await;
        drop(hang);
        until_live_is(true, &health).await;
        task.abort();
    }

    #[tokio::test]
    async fn a_check_that_only_waits_is_abandoned_and_the_watch_goes_on() {
        let health = Health::default();
        let checks = AtomicU32::new(0);
        let watching = WATCH.run(&health, || {
            checks.fetch_add(1, Ordering::Relaxed);
            std::future::pending()
        });
        // Five abandoned checks take longer than a watch that has stopped would stay live.
        let goes_on = async {
            while checks.load(Ordering::Relaxed) <= 5 || !health.live().is_fine() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            _ = watching => {}
            in_time = tokio::time::timeout(Duration::from_secs(10), goes_on) => in_time.unwrap(),
        }
    }
}
