//! How far a rebuild is, for its row and for whoever watches.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use orders::{Partition, Position};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use views::rebuild::State;

/// Of the current phase; `phases` tells of those before.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    pub state: Option<State>,
    /// Ordered by partition: what has been read of the log in this phase, if it reads the log.
    pub partitions: Vec<PartitionProgress>,
    /// Events gone through so far in this phase, and in all; verifying goes through
    /// them more than once.
    pub events: u64,
    pub events_total: u64,
    pub events_per_second: f64,
    /// Until the end of this phase; `None`: not known yet.
    pub eta_seconds: Option<f64>,
    /// What it waits for, if it does.
    pub waits_for: Option<String>,
    pub phases: Vec<Phase>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionProgress {
    pub partition: i32,
    /// Next offsets: of the beginning, of the end to be reached, and of what is done.
    pub from: i64,
    pub to: i64,
    pub loaded: i64,
}

/// A phase that is over.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Phase {
    pub state: State,
    pub events: u64,
    pub seconds: f64,
}

/// Where the parts of the work report.
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
    /// `earlier`: of a run that was cut off.
    pub(crate) fn new(state: State, earlier: Option<Progress>) -> (Self, watch::Receiver<Progress>) {
        let phases = earlier.map(|progress| progress.phases).unwrap_or_default();
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

    /// A phase begins; the one before is over.
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

    /// More is to be gone through in this phase.
    pub(crate) fn expect(&self, events: u64) {
        self.lock().total += events;
    }

    pub(crate) fn add(&self, events: u64) {
        self.lock().events += events;
    }

    /// A stretch of the log is to be read.
    pub(crate) fn reading(&self, partition: Partition, from: Position, to: Position) {
        let mut inner = self.lock();
        inner.total += to.0.saturating_sub(from.0).max(0) as u64;
        inner
            .partitions
            .entry(partition)
            .and_modify(|progress| progress.to = to.0)
            .or_insert(PartitionProgress { partition: partition.0, from: from.0, to: to.0, loaded: from.0 });
    }

    pub(crate) fn reached(&self, partition: Partition, position: Position) {
        let mut inner = self.lock();
        if let Some(progress) = inner.partitions.get_mut(&partition) {
            let gained = position.0.saturating_sub(progress.loaded).max(0);
            progress.loaded += gained;
            inner.events += gained as u64;
        }
    }

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

    /// Tells whoever watches.
    pub(crate) fn publish(&self) -> Progress {
        let progress = self.snapshot();
        self.published.send_replace(progress.clone());
        progress
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Numbers only: a panic elsewhere leaves them usable.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// To the millisecond.
fn round(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

impl Progress {
    /// Time of all phases that are over.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        Duration::from_secs_f64(self.phases.iter().map(|phase| phase.seconds).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phase_counts_what_its_partitions_gained() {
        let (meter, watcher) = Meter::new(State::Planned, None);
        meter.enter(State::Loading);
        meter.reading(Partition(0), Position(2), Position(10));
        meter.reading(Partition(1), Position(0), Position(5));
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
    fn entering_the_same_phase_again_is_no_new_one() {
        let (meter, _watcher) = Meter::new(State::Loading, None);
        meter.enter(State::Loading);
        assert!(meter.snapshot().phases.is_empty());
    }
}
