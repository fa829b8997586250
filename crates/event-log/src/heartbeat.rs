//! Signs of life of the threads that talk to Kafka.

use std::fmt;
use std::sync::Arc;

/// A callback that a thread's loop calls in each round, even when the loop is idle. The provider decides
/// how long a pause between two beats counts as a hang.
#[derive(Clone)]
pub struct Heartbeat(Arc<dyn Fn() + Send + Sync>);

impl Heartbeat {
    /// `beat` runs on the thread itself, so it must be quick.
    pub fn new(beat: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(beat))
    }

    /// A heartbeat that nobody watches.
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
