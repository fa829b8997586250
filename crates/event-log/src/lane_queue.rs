//! The records that were read for a lane and not yet taken by it.
//!
//! The polling thread appends; the lane takes what arrived while its last transaction was in flight.
//! There is no timer: a chunk holds one record when little arrives, and is full under load.

mod waiting;

#[cfg(test)]
mod tests;

use std::mem;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use orders::{Partition, Position};
use tokio::sync::Notify;

use crate::chunk::{Chunk, ChunkLimits};
use crate::generation::Generation;
use crate::incoming::Message;
use waiting::Waiting;

#[derive(Debug)]
pub struct LaneQueue {
    limits: ChunkLimits,
    waiting: Mutex<Waiting>,
    filled: Notify,
    emptied: Condvar,
}

impl LaneQueue {
    #[must_use]
    pub fn new(limits: ChunkLimits) -> Self {
        let waiting = Mutex::new(Waiting::new(limits));
        Self { limits, waiting, filled: Notify::new(), emptied: Condvar::new() }
    }

    /// Waits until there is a chunk, and takes it. It holds records of one partition, or of several that have
    /// few. The records of a partition come in their order, and its end after them. Cancel safe.
    pub async fn take(&self) -> Chunk {
        loop {
            let filled = self.filled.notified();
            let taken = self.lock().take();
            if let Some(chunk) = taken.into_iter().reduce(together) {
                self.emptied.notify_one();
                return chunk;
            }
            filled.await;
        }
    }

    /// Gives back a chunk that is done with, so that its memory can be reused.
    pub fn recycle(&self, mut chunk: Chunk) {
        let has_grown = chunk.is_full(waiting::small(self.limits));
        chunk.clear(self.limits);
        // Small memory would take the place of memory that is worth keeping.
        if has_grown {
            self.lock().keep(chunk);
        }
    }

    /// The number of records that wait.
    #[must_use]
    pub fn records(&self) -> usize {
        self.lock().records()
    }

    /// Returns whether the queue is full now.
    pub(crate) fn push(&self, message: &Message<'_>, generation: Generation) -> bool {
        self.push_by(message.partition(), |chunk| chunk.push(message, generation))
    }

    pub(crate) fn end(&self, partition: Partition, end: Position, generation: Generation) {
        if self.lock().end(partition, end, generation) {
            self.filled.notify_one();
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.lock().is_full()
    }

    /// Waits for room, for at most `limit`, and returns whether there is any.
    pub(crate) fn wait_for_room(&self, limit: Duration) -> bool {
        let (_waiting, result) = self
            .emptied
            .wait_timeout_while(self.lock(), limit, |waiting| waiting.is_full())
            .unwrap_or_else(PoisonError::into_inner);
        !result.timed_out()
    }

    fn push_by(&self, partition: Partition, push: impl FnOnce(&mut Chunk)) -> bool {
        let mut waiting = self.lock();
        let begins = waiting.push(partition, push);
        let is_full = waiting.is_full();
        drop(waiting);
        if begins {
            self.filled.notify_one();
        }
        is_full
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // A poisoned lock leaves no half-written chunk behind, since appending does not panic.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Appends the smaller chunk to the larger one, which costs the least: they are of different partitions, so it
/// does not matter which comes first.
fn together(mut larger: Chunk, mut smaller: Chunk) -> Chunk {
    if smaller.size().bytes > larger.size().bytes {
        mem::swap(&mut larger, &mut smaller);
    }
    larger.append(&mut smaller);
    larger
}
