//! Counts what the steps of a rebuild have done, and publishes it as [`Progress`].

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use orders::{Partition, Position};
use tokio::sync::watch;
use views::rebuild::State;

use crate::progress::{PartitionProgress, Phase, Progress};

/// The counters, which the tasks of a step share.
#[derive(Debug)]
pub(crate) struct Meter {
    inner: Mutex<Inner>,
    published: watch::Sender<Progress>,
}

#[derive(Debug)]
struct Inner {
    state: State,
    since: Instant,
    events: u64,
    total: u64,
    partitions: BTreeMap<Partition, PartitionProgress>,
    waits_for: Option<String>,
    phases: Vec<Phase>,
}

impl Meter {
    /// `phases` are those of an earlier process that drove the same rebuild.
    pub(crate) fn new(state: State, phases: Vec<Phase>) -> (Self, watch::Receiver<Progress>) {
        let (published, receiver) =
            watch::channel(Progress { state: Some(state), phases: phases.clone(), ..Progress::default() });
        let inner = Inner {
            state,
            since: Instant::now(),
            events: 0,
            total: 0,
            partitions: BTreeMap::new(),
            waits_for: None,
            phases,
        };
        (Self { inner: Mutex::new(inner), published }, receiver)
    }

    /// Begins a phase and ends the one before.
    pub(crate) fn enter(&self, state: State) {
        let mut inner = self.lock();
        if inner.state != state {
            let seconds = round(inner.since.elapsed().as_secs_f64());
            let phase = Phase { state: inner.state, events: inner.events, seconds };
            inner.phases.push(phase);
        }
        inner.state = state;
        inner.since = Instant::now();
        (inner.events, inner.total) = (0, 0);
        inner.partitions.clear();
        inner.waits_for = None;
        drop(inner);
        self.publish();
    }

    /// Adds to the events that this phase is going to process.
    pub(crate) fn expect(&self, events: u64) {
        self.lock().total += events;
    }

    /// Adds to the events that this phase has processed.
    pub(crate) fn add(&self, events: u64) {
        self.lock().events += events;
    }

    /// Adds a stretch of the log to what this phase is going to process.
    pub(crate) fn expect_partition(&self, partition: Partition, from: Position, to: Position) {
        let mut inner = self.lock();
        inner.total += to.0.saturating_sub(from.0).max(0) as u64;
        inner
            .partitions
            .entry(partition)
            .and_modify(|progress| progress.to = to.0)
            .or_insert(PartitionProgress { partition: partition.0, from: from.0, to: to.0, loaded: from.0 });
    }

    /// Notes that a partition that [`Self::expect_partition`] announced has reached `position`.
    pub(crate) fn reached(&self, partition: Partition, position: Position) {
        let mut inner = self.lock();
        if let Some(progress) = inner.partitions.get_mut(&partition) {
            let gained = position.0.saturating_sub(progress.loaded).max(0);
            progress.loaded += gained;
            inner.events += gained as u64;
        }
    }

    /// Notes what the rebuild waits for; `None` if it goes on.
    pub(crate) fn wait_for(&self, what: Option<String>) {
        self.lock().waits_for = what;
        self.publish();
    }

    pub(crate) fn snapshot(&self) -> Progress {
        let inner = self.lock();
        let seconds = inner.since.elapsed().as_secs_f64();
        let rate = if seconds > 0.2 { inner.events as f64 / seconds } else { 0.0 };
        let left = inner.total.saturating_sub(inner.events) as f64;
        let is_done = inner.total > 0 && left == 0.0;
        Progress {
            state: Some(inner.state),
            partitions: inner.partitions.values().copied().collect(),
            events: inner.events,
            events_total: inner.total,
            events_per_second: rate.round(),
            eta_seconds: if is_done {
                Some(0.0)
            } else {
                (rate >= 1.0 && inner.total > 0).then(|| round(left / rate))
            },
            waits_for: inner.waits_for.clone(),
            phases: inner.phases.clone(),
        }
    }

    /// Sends the present progress to its watchers, and returns it.
    pub(crate) fn publish(&self) -> Progress {
        let progress = self.snapshot();
        self.published.send_replace(progress.clone());
        progress
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic of another task cannot leave these numbers half changed.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Rounds to the millisecond.
fn round(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phase_counts_how_far_its_partitions_moved() {
        let (meter, watcher) = Meter::new(State::Planned, Vec::new());
        meter.enter(State::Loading);
        meter.expect_partition(Partition(0), Position(2), Position(10));
        meter.expect_partition(Partition(1), Position(0), Position(5));
        meter.reached(Partition(0), Position(6));
        meter.reached(Partition(0), Position(4));
        meter.reached(Partition(1), Position(5));
        let progress = meter.publish();
        assert_eq!((progress.events, progress.events_total), (9, 13));
        assert_eq!(progress.partitions[0].loaded, 6);
        assert_eq!(*watcher.borrow(), progress);
        assert_eq!(progress.phases.len(), 1);
        meter.enter(State::Deriving);
        assert_eq!(meter.snapshot().phases[1].events, 9);
    }

    #[test]
    fn entering_the_same_state_again_begins_no_new_phase() {
        let (meter, _watcher) = Meter::new(State::Loading, Vec::new());
        meter.enter(State::Loading);
        assert!(meter.snapshot().phases.is_empty());
    }
}
