//! Settings of the topic that weaken a promise of this system, for `/stats`.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use event_log::{KafkaSettings, topic_warnings};
use service::Health;

use crate::watch::Watch;

/// How often the settings are read. While the broker does not answer, every check tries to read them.
const READ_INTERVAL: Duration = Duration::from_secs(60);
const TOPIC_WATCH: Watch = Watch {
    name: "topic watch",
    pause: Duration::from_secs(5),
    check_limit: Duration::from_secs(60),
    overdue_after: Duration::from_secs(120),
};

/// What is known about the topic. All clones share it.
#[derive(Clone, Debug, Default)]
pub struct Topic(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    warnings: Vec<String>,
    read_at: Option<Instant>,
}

impl Topic {
    /// One sentence for each such setting. Empty also while the settings are not known.
    pub fn warnings(&self) -> Vec<String> {
        self.lock().warnings.clone()
    }

    /// Reads the settings at intervals, until the end of the process.
    pub async fn follow(&self, settings: &KafkaSettings, health: &Health) -> ! {
        TOPIC_WATCH.run(health, || self.read(settings)).await
    }

    async fn read(&self, settings: &KafkaSettings) {
        if self.lock().read_at.is_some_and(|at| at.elapsed() < READ_INTERVAL) {
            return;
        }
        match topic_warnings(settings).await {
            Ok(Some(warnings)) => *self.lock() = Known { warnings, read_at: Some(Instant::now()) },
            // The next check tries again.
            Ok(None) => {}
            Err(error) => tracing::debug!(%error, "the topic's settings were not read"),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
