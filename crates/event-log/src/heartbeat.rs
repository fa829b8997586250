//! Signs of life of the threads that talk to Kafka.

use std::fmt;
use std::sync::Arc;

/// A callback that a thread's loop makes each time it comes round, several times a second at most
/// when it is idle. The caller decides how long a pause between two beats means that the loop hangs.
#[derive(Clone)]
pub struct Heartbeat(Arc<dyn Fn() + Send + Sync>);

impl Heartbeat {
    /// `beat` runs on the thread itself, so it must be quick.
    pub fn new(beat: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(beat))
    }

    /// Nobody watches the loop.
    #[must_use]
    pub fn unwatched() -> Self {
        Self::new(|| {})
    }

    pub(crate) fn beat(&self) {
        (self.0)();
    }
}

impl fmt::Debug for Heartbeat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Heartbeat")
    }
}
