//! Bounds the bytes that are held in memory for one purpose.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The permits of a semaphore are 32-bit numbers.
const UNIT_BYTES: usize = 1 << 10;

/// Clones share one budget.
#[derive(Clone)]
pub struct ByteBudget {
    units: Arc<Semaphore>,
    bytes: usize,
}

impl ByteBudget {
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        Self { units: Arc::new(Semaphore::new(bytes / UNIT_BYTES)), bytes }
    }

    /// Counts this many bytes until the permit is dropped; `None` if they do not fit. More bytes than the budget has take all
    /// of it.
    #[must_use]
    pub fn take(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let units = bytes.min(self.bytes).div_ceil(UNIT_BYTES) as u32;
        Arc::clone(&self.units).try_acquire_many_owned(units).ok()
    }
}
