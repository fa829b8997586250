//! What is wrong with the topic's settings, for whoever looks at `/stats`.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use event_log::{KafkaSettings, topic_warnings};

const LOOK_EACH: Duration = Duration::from_secs(60);
/// While the broker does not tell.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Clones are one.
#[derive(Clone, Debug, Default)]
pub struct Topic(Arc<Mutex<Vec<String>>>);

impl Topic {
    /// Settings under which this system promises less; empty also while they are not known.
    pub fn warnings(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Looks at the settings now and then; never returns.
    pub async fn follow(&self, settings: &KafkaSettings) -> ! {
        loop {
            let found = topic_warnings(settings).await.ok().flatten();
            let pause = if found.is_some() { LOOK_EACH } else { LOOK_AGAIN };
            if let Some(warnings) = found {
                *self.0.lock().unwrap_or_else(PoisonError::into_inner) = warnings;
            }
            tokio::time::sleep(pause).await;
        }
    }
}
