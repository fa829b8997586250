//! What was read for a lane and not taken yet.
//!
//! The polling thread appends; the lane takes all that has arrived while its last
//! transaction was in flight. No timer: one record when idle, a full chunk under load.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use orders::{Partition, Position};
use rdkafka::message::BorrowedMessage;
use tokio::sync::Notify;

use crate::chunk::{Chunk, ChunkLimits};

/// Full chunks that may wait before reading stops.
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
    /// The last one is being filled.
    chunks: VecDeque<Chunk>,
    spare: Option<Chunk>,
    /// A chunk was taken and not given back yet.
    in_use: bool,
}

impl LaneQueue {
    #[must_use]
    pub fn new(limits: ChunkLimits) -> Self {
        Self { limits, state: Mutex::default(), filled: Notify::new(), emptied: Condvar::new() }
    }

    /// Waits for something to be there and takes it. Cancel safe.
    pub async fn take(&self) -> Chunk {
        loop {
            let filled = self.filled.notified();
            if let Some(chunk) = self.lock().take() {
                self.emptied.notify_one();
                return chunk;
            }
            filled.await;
        }
    }

    /// Says that a chunk is done; its memory is used again.
    pub fn recycle(&self, mut chunk: Chunk) {
        chunk.clear();
        let mut state = self.lock();
        state.spare = Some(chunk);
        state.in_use = false;
    }

    /// Nothing waits, and what was taken is done.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let state = self.lock();
        state.chunks.is_empty() && !state.in_use
    }

    /// Tells whether it is full now.
    pub(crate) fn push(&self, message: &BorrowedMessage<'_>, generation: u32) -> bool {
        self.last_chunk(|chunk| chunk.push(message, generation))
    }

    pub(crate) fn end(&self, partition: Partition, end: Position, generation: u32) {
        self.last_chunk(|chunk| chunk.end(partition, end, generation));
    }

    pub(crate) fn is_full(&self) -> bool {
        self.lock().is_full(self.limits)
    }

    /// Waits for room, at most for `limit`; tells whether there is some.
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
        // A chunk is never left half written: appending to it does not panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take(&mut self) -> Option<Chunk> {
        let chunk = self.chunks.pop_front()?;
        self.in_use = true;
        Some(chunk)
    }

    fn is_full(&self, limits: ChunkLimits) -> bool {
        self.chunks.len() >= WAITING && self.chunks.back().is_some_and(|chunk| chunk.is_full(limits))
    }
}
