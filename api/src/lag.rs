//! How far the view is behind the end offsets, which a client without a group reads each second. While Kafka is
//! away, reads are still answered, and their lag is unknown.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use event_log::EndsWatch;
use orders::{LogIdentity, OtherLog, Partition, Position, Positions};

/// How often the ends are read.
pub const READ_INTERVAL: Duration = Duration::from_secs(1);
/// Ends that are older than this count as unknown.
const MAX_AGE: Duration = Duration::from_secs(10);
/// One hour of a busy topic. For a view that is further behind, the lag in seconds is at least that hour.
const MAX_SAMPLES: usize = 3600;

/// The end offsets at some time.
#[derive(Debug)]
struct Sample {
    /// When they last had these values.
    until: Instant,
    ends: Positions,
}

/// What is known about the end offsets. All clones share it.
#[derive(Clone, Debug, Default)]
pub struct Lag(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    samples: VecDeque<Sample>,
    /// The log that the ends are of.
    identity: Option<LogIdentity>,
    /// Why that is not the log that the tables were made from. Its ends say nothing about them.
    conflict: Option<OtherLog>,
}

/// How far a view is behind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Behind {
    /// The number of offsets between position and end. It equals the number of events unless some offsets hold none.
    pub events: i64,
    /// The time since the view was last level with the ends.
    pub seconds: f64,
}

/// The end of one partition, and how far the view is behind it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PartitionLag {
    pub end: Position,
    pub behind: Behind,
}

impl Lag {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record(&self, ends: Positions, at: Instant) {
        let samples = &mut self.lock().samples;
        match samples.back_mut() {
            Some(last) if last.ends == ends => last.until = at,
            _ => {
                samples.push_back(Sample { until: at, ends });
                if samples.len() > MAX_SAMPLES {
                    samples.pop_front();
                }
            }
        }
    }

    /// How far `applied` is behind all ends; `None` while the ends are not known.
    pub fn behind(&self, applied: &Positions, now: Instant) -> Option<Behind> {
        let known = self.lock();
        let (samples, last) = (&known.samples, known.fresh(now)?);
        let events = last.ends.iter().map(|(partition, end)| applied.of(partition).behind(end)).sum();
        let level = |ends: &Positions| applied.have_reached(ends);
        Some(Behind { events, seconds: seconds(samples, now, level) })
    }

    /// The same, for each partition by itself.
    pub fn partitions(&self, applied: &Positions, now: Instant) -> Option<BTreeMap<Partition, PartitionLag>> {
        let known = self.lock();
        let (samples, last) = (&known.samples, known.fresh(now)?);
        let one = |(partition, end): (Partition, Position)| {
            let next = applied.of(partition);
            let level = |ends: &Positions| ends.get(partition).is_none_or(|end| next >= end);
            let behind = Behind { events: next.behind(end), seconds: seconds(samples, now, level) };
            // The ends were read up to a second ago. What is applied by now is in the log.
            (partition, PartitionLag { end: end.max(next), behind })
        };
        Some(last.ends.iter().map(one).collect())
    }

    /// Compares the log whose ends are read with the one that the tables were made from. As long as they differ, the lag is
    /// unknown.
    pub fn compare(&self, recorded: Option<&LogIdentity>) -> Option<OtherLog> {
        let known = &mut *self.lock();
        let found = known.identity.as_ref().zip(recorded);
        let conflict = found.and_then(|(found, recorded)| found.conflict_with(recorded));
        if let Some(conflict) = &conflict
            && known.conflict.is_none()
        {
            tracing::warn!(%conflict, "the lag is unknown");
        }
        known.conflict.clone_from(&conflict);
        conflict
    }

    /// Records the ends whenever they were read. Returns when the thread that reads them has ended.
    pub async fn follow(&self, mut watch: EndsWatch) {
        while watch.latest.changed().await.is_ok() {
            let reading = watch.latest.borrow_and_update().clone();
            // An answer without partitions means that the topic does not exist, and says nothing about its ends.
            if let Some(reading) = reading.filter(|reading| !reading.ranges.is_empty()) {
                let ends = reading
                    .ranges
                    .into_iter()
                    .map(|(partition, range)| (partition, range.end_offset))
                    .collect();
                self.record(ends, reading.asked_at);
                self.lock().identity = reading.identity;
            }
        }
    }
}

impl Known {
    fn fresh(&self, now: Instant) -> Option<&Sample> {
        let last = self.samples.back().filter(|_| self.conflict.is_none());
        last.filter(|last| now.saturating_duration_since(last.until) <= MAX_AGE)
    }
}

/// The time since the view was `level` with the ends; 0 if it is level with the latest.
fn seconds(samples: &VecDeque<Sample>, now: Instant, level: impl Fn(&Positions) -> bool) -> f64 {
    let since = match samples.iter().rposition(|sample| level(&sample.ends)) {
        Some(index) if index + 1 == samples.len() => return 0.0,
        Some(index) => samples.get(index).map(|sample| sample.until),
        // As far as is known it never was, so the time since the first ends is the least that it can be.
        None => samples.front().map(|sample| sample.until),
    };
    since.map_or(0.0, |since| now.saturating_duration_since(since).as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn positions(pairs: &[(i32, i64)]) -> Positions {
        pairs.iter().map(|&(partition, next)| (Partition(partition), Position(next))).collect()
    }

    #[test]
    fn behind_is_measured_from_the_last_level_moment() {
        let (lag, start) = (Lag::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(lag.behind(&positions(&[]), start), None);
        lag.record(positions(&[(0, 5), (1, 5)]), at(0));
        lag.record(positions(&[(0, 5), (1, 5)]), at(3));
        lag.record(positions(&[(0, 7), (1, 5)]), at(4));
        let behind = |pairs: &[(i32, i64)], now| lag.behind(&positions(pairs), at(now)).unwrap();
        assert_eq!(behind(&[(0, 7), (1, 5)], 5), Behind { events: 0, seconds: 0.0 });
        assert_eq!(behind(&[(0, 6), (1, 5)], 5), Behind { events: 1, seconds: 2.0 });
        assert_eq!(behind(&[(0, 6), (1, 4)], 5), Behind { events: 2, seconds: 2.0 }, "since the first ends");
        assert_eq!(behind(&[(1, 9)], 5).events, 7, "a partition without a position is at 0");
        let one = lag.partitions(&positions(&[(0, 5), (1, 5)]), at(6)).unwrap();
        assert_eq!(one[&Partition(0)].behind, Behind { events: 2, seconds: 3.0 });
        assert_eq!(one[&Partition(1)].behind, Behind { events: 0, seconds: 0.0 });
        assert_eq!(lag.behind(&positions(&[]), at(15)), None, "the ends are too old");
    }
}
