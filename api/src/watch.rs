//! Tasks that look at something again and again, beside the requests. One that hangs turns `/health/live` red.

use std::time::Duration;

use service::Health;

/// How one such task looks.
#[derive(Clone, Copy, Debug)]
pub struct Watch {
    /// Its name in `/health/live` and in the log.
    pub name: &'static str,
    /// The pause between two looks.
    pub pause: Duration,
    /// A look that takes longer is abandoned, and counts as done.
    pub look_limit: Duration,
    /// The process counts as dead when no look has begun for so long. Longer than `pause` and `look_limit` together.
    pub overdue_after: Duration,
}

impl Watch {
    /// Looks until the end of the process. `look` is no async closure because the future of one cannot be sent to
    /// another thread yet.
    pub async fn run<F: Future<Output = ()>>(self, health: &Health, look: impl Fn() -> F) -> ! {
        loop {
            health.beat(self.name, self.overdue_after);
            if tokio::time::timeout(self.look_limit, look()).await.is_err() {
                let limit_s = self.look_limit.as_secs();
                tracing::warn!(watch = self.name, limit_s, "a look took too long and was abandoned");
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
        look_limit: Duration::from_millis(50),
        overdue_after: Duration::from_millis(200),
    };

    async fn until_live_is(fine: bool, health: &Health) {
        let changed = async {
            while health.live().is_fine() != fine {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), changed).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_watch_that_hangs_turns_live_red_until_it_goes_on() {
        let health = Health::default();
        let (hang, hung) = std::sync::mpsc::channel::<()>();
        let (hung, watching) = (Mutex::new(hung), health.clone());
        // Blocks its thread until `hang` is dropped, so that not even the limit of a look can end it.
        let look = move || _ = hung.lock().unwrap().recv();
        let task = tokio::spawn(async move { WATCH.run(&watching, || async { look() }).await });
        until_live_is(false, &health).await;
        drop(hang);
        until_live_is(true, &health).await;
        task.abort();
    }

    #[tokio::test]
    async fn a_look_that_only_waits_is_abandoned_and_the_watch_lives_on() {
        let health = Health::default();
        let looks = AtomicU32::new(0);
        let watching = WATCH.run(&health, || {
            looks.fetch_add(1, Ordering::Relaxed);
            std::future::pending()
        });
        _ = tokio::time::timeout(Duration::from_millis(400), watching).await;
        assert!(health.live().is_fine());
        assert!(looks.load(Ordering::Relaxed) > 2, "{looks:?}");
    }
}
