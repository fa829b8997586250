//! The records that were read for a lane and not yet taken by it.
//!
//! The polling thread appends; the lane takes what arrived while its last transaction was in flight.
//! There is no timer: a chunk holds one record when little arrives, and is full under load.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use orders::{Partition, Position};
use tokio::sync::Notify;

use crate::chunk::{Chunk, ChunkLimits};
use crate::generation::Generation;
use crate::incoming::Message;

/// The number of full chunks that may wait before reading stops.
const WAITING: usize = 1;

#[derive(Debug)]
pub struct LaneQueue {
    limits: ChunkLimits,
    state: Mutex<State>,
    filled: Notify,
    emptied: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// In the order of reading; the last one is being filled.
    chunks: VecDeque<Chunk>,
    spare: Option<Chunk>,
}

impl LaneQueue {
    #[must_use]
    pub fn new(limits: ChunkLimits) -> Self {
        Self { limits, state: Mutex::default(), filled: Notify::new(), emptied: Condvar::new() }
    }

    /// Waits until there is a chunk, and takes it. Cancel safe.
    pub async fn take(&self) -> Chunk {
        loop {
            let filled = self.filled.notified();
            if let Some(chunk) = self.lock().chunks.pop_front() {
                self.emptied.notify_one();
                return chunk;
            }
            filled.await;
        }
    }

    /// Gives back a chunk that is done with, so that its memory can be reused.
    pub fn recycle(&self, mut chunk: Chunk) {
        chunk.clear(self.limits);
        self.lock().spare = Some(chunk);
    }

    /// The number of records that wait.
    #[must_use]
    pub fn records(&self) -> usize {
        self.lock().chunks.iter().map(Chunk::len).sum()
    }

    /// Returns whether the queue is full now.
    pub(crate) fn push(&self, message: &Message<'_>, generation: Generation) -> bool {
        self.last_chunk(|chunk| chunk.push(message, generation))
    }

    pub(crate) fn end(&self, partition: Partition, end: Position, generation: Generation) {
        self.last_chunk(|chunk| chunk.end(partition, end, generation));
    }

    pub(crate) fn is_full(&self) -> bool {
        self.lock().is_full(self.limits)
    }

    /// Waits for room, for at most `limit`, and returns whether there is any.
    pub(crate) fn wait_for_room(&self, limit: Duration) -> bool {
        let (_state, result) = self
            .emptied
            .wait_timeout_while(self.lock(), limit, |state| state.is_full(self.limits))
            .unwrap_or_else(PoisonError::into_inner);
        !result.timed_out()
    }

    fn last_chunk(&self, fill: impl FnOnce(&mut Chunk)) -> bool {
        let mut state = self.lock();
        if state.chunks.back().is_none_or(|chunk| chunk.is_full(self.limits)) {
            let chunk = state.spare.take().unwrap_or_default();
            state.chunks.push_back(chunk);
        }
        let Some(chunk) = state.chunks.back_mut() else { return false };
        let was_empty = chunk.is_empty();
        fill(chunk);
        let is_full = state.is_full(self.limits);
        drop(state);
        if was_empty {
            self.filled.notify_one();
        }
        is_full
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A poisoned lock leaves no half-written chunk behind, since appending does not panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_full(&self, limits: ChunkLimits) -> bool {
        self.chunks.len() >= WAITING && self.chunks.back().is_some_and(|chunk| chunk.is_full(limits))
    }
}
