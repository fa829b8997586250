//! Lag without progress, and why: nothing may stand still without a word.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use event_log::Polled;
use orders::{Partition, Position};

/// Longer than a rebalance or a restart of the broker takes.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug, Default)]
pub struct Watchdog {
    seen: BTreeMap<Partition, Seen>,
    /// Since when the group has our partitions, and we have nothing from it.
    out_since: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    position: Position,
    /// Since when it lags behind `position`.
    lags_since: Option<Instant>,
    end: Position,
    /// Since when records are held back behind `end`.
    held_back_since: Option<Instant>,
}

impl Watchdog {
    /// The group has taken its partitions away as from a member that is gone: we have to join it anew.
    pub fn lost(&mut self, now: Instant) {
        self.out_since.get_or_insert(now);
    }

    /// The group has assigned something, or nothing.
    pub fn assigned(&mut self) {
        self.out_since = None;
    }

    /// An error names what stands still, and why.
    pub fn look(
        &mut self,
        now: Instant,
        positions: &BTreeMap<Partition, Position>,
        polled: &Polled,
    ) -> Result<(), String> {
        self.seen.retain(|partition, _| positions.contains_key(partition));
        let too_long = |since: Option<Instant>| {
            since.map(|since| now.saturating_duration_since(since)).filter(|time| *time >= PATIENCE)
        };
        let mut reasons = Vec::new();
        if let Some(time) = too_long(self.out_since) {
            reasons.push(format!(
                "the group has taken the partitions away {} s ago, and has not let this member in since",
                time.as_secs()
            ));
        }
        for (partition, position) in positions {
            let Some(marks) = polled.ends.get(partition) else { continue };
            let high = polled.highs.get(partition).copied().unwrap_or(marks.end);
            let fresh = Seen { position: *position, lags_since: None, end: marks.end, held_back_since: None };
            let seen = self.seen.entry(*partition).or_insert(fresh);
            let lag = position.behind(marks.end);
            seen.lags_since = (lag > 0 && seen.position == *position).then(|| seen.lags_since.unwrap_or(now));
            let held_back = marks.end.behind(high);
            seen.held_back_since =
                (held_back > 0 && seen.end == marks.end).then(|| seen.held_back_since.unwrap_or(now));
            (seen.position, seen.end) = (*position, marks.end);
            if let Some(time) = too_long(seen.lags_since) {
                reasons.push(format!(
                    "partition {partition} stands at offset {position}, {lag} events behind, without progress for {} s",
                    time.as_secs()
                ));
            } else if let Some(time) = too_long(seen.held_back_since) {
                reasons.push(format!(
                    "partition {partition}: a producer's transaction that was begun {} s ago or earlier and has not \
                     ended holds back {held_back} records from offset {} on (kafka-transactions.sh find-hanging)",
                    time.as_secs(),
                    marks.end
                ));
            }
        }
        if reasons.is_empty() { Ok(()) } else { Err(reasons.join("; ")) }
    }
}

#[cfg(test)]
mod tests {
    use event_log::Watermarks;

    use super::*;

    /// Positions and ends each `step` seconds; tells at which step it complains.
    fn complains(steps: &[(i64, i64, i64)]) -> Option<(usize, String)> {
        let (began, mut watchdog) = (Instant::now(), Watchdog::default());
        steps.iter().enumerate().find_map(|(step, (position, end, high))| {
            let now = began + Duration::from_secs(10 * step as u64);
            let marks = Watermarks { low: Position(0), end: Position(*end) };
            let polled = Polled {
                asked_at: now,
                ends: BTreeMap::from([(Partition(0), marks)]),
                highs: BTreeMap::from([(Partition(0), Position(*high))]),
                identity: None,
            };
            let positions = BTreeMap::from([(Partition(0), Position(*position))]);
            watchdog.look(now, &positions, &polled).err().map(|reason| (step, reason))
        })
    }

    #[test]
    fn it_complains_of_lag_that_stays_and_of_nothing_else() {
        assert_eq!(complains(&[(5, 5, 5); 9]), None, "level");
        assert_eq!(complains(&[(1, 9, 9), (2, 9, 9), (3, 9, 9), (4, 9, 9), (5, 9, 9)]), None, "progress");
        let (step, reason) = complains(&[(1, 5, 5), (1, 6, 6), (1, 7, 7), (1, 8, 8), (1, 9, 9)]).unwrap();
        assert_eq!(step, 3);
        assert!(reason.contains("7 events behind, without progress for 30 s"), "{reason}");
    }

    #[test]
    fn it_complains_of_a_group_that_does_not_let_it_in_again() {
        let (began, mut watchdog) = (Instant::now(), Watchdog::default());
        let polled =
            Polled { asked_at: began, ends: BTreeMap::new(), highs: BTreeMap::new(), identity: None };
        watchdog.lost(began);
        watchdog.lost(began + Duration::from_secs(20));
        assert_eq!(watchdog.look(began + Duration::from_secs(29), &BTreeMap::new(), &polled), Ok(()));
        let reason = watchdog.look(began + Duration::from_secs(30), &BTreeMap::new(), &polled).unwrap_err();
        assert!(reason.contains("30 s ago"), "{reason}");
        watchdog.assigned();
        assert_eq!(watchdog.look(began + Duration::from_secs(90), &BTreeMap::new(), &polled), Ok(()));
    }

    #[test]
    fn it_names_a_transaction_that_stays_open() {
        let (step, reason) = complains(&[(5, 5, 9); 9]).unwrap();
        assert_eq!(step, 3);
        assert!(reason.contains("holds back 4 records from offset 5"), "{reason}");
        assert_eq!(complains(&[(5, 5, 9), (6, 6, 9), (7, 7, 9), (8, 8, 9), (9, 9, 9)]), None, "it moves");
    }
}
