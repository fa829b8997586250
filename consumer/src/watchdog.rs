//! Notices standstills: lag without progress, transactions that stay open, and a group that does not
//! admit this member, or readmit it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use event_log::LogEnds;
use orders::{Partition, Position, Positions};

/// Longer than a rebalance or a restart of the broker takes.
const STANDSTILL_LIMIT: Duration = Duration::from_secs(30);

#[derive(Debug, Default)]
pub struct Watchdog {
    seen: BTreeMap<Partition, Seen>,
    /// Since when this member has been out of the group: its partitions were lost, and none assigned.
    out_since: Option<Instant>,
    /// Since when it has asked the group to let it in for the first time.
    joining: Option<Joining>,
}

#[derive(Clone, Copy, Debug)]
struct Joining {
    since: Instant,
    asks_for_new_protocol: bool,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    position: Position,
    /// Since when the partition has stood behind its end at `position`.
    lags_since: Option<Instant>,
    end: Position,
    /// Since when records behind `end` have been held back.
    held_back_since: Option<Instant>,
}

/// What has stood still for longer than 30 s.
#[derive(Debug, PartialEq, Eq)]
pub enum Standstill {
    NotAdmitted { seconds: u64, asks_for_new_protocol: bool },
    OutOfGroup { seconds: u64 },
    NoProgress { partition: Partition, position: Position, lag: i64, seconds: u64 },
    OpenTransaction { partition: Partition, held_back: i64, from: Position, seconds: u64 },
}

/// At least one [`Standstill`].
#[derive(Debug, PartialEq, Eq)]
pub struct Standstills(Vec<Standstill>);

impl Watchdog {
    /// This member asks the group to let it in. `asks_for_new_protocol`: in the protocol of KIP-848.
    pub fn joining(&mut self, now: Instant, asks_for_new_protocol: bool) {
        self.joining = Some(Joining { since: now, asks_for_new_protocol });
    }

    /// The group has let it in.
    pub fn admitted(&mut self) {
        self.joining = None;
    }

    /// The group has removed this member as if it had died, and it has to join again.
    pub fn lost(&mut self, now: Instant) {
        self.out_since.get_or_insert(now);
    }

    /// The group has sent an assignment, possibly an empty one.
    pub fn assigned(&mut self) {
        self.admitted();
        self.out_since = None;
    }

    /// Compares with the previous calls. To be called about once a second.
    pub fn look(&mut self, now: Instant, positions: &Positions, ends: &LogEnds) -> Result<(), Standstills> {
        self.seen.retain(|partition, _| positions.contains(*partition));
        let mut found = Vec::new();
        if let Some(Joining { since, asks_for_new_protocol }) = self.joining
            && let Some(seconds) = too_long(Some(since), now)
        {
            found.push(Standstill::NotAdmitted { seconds, asks_for_new_protocol });
        }
        found.extend(too_long(self.out_since, now).map(|seconds| Standstill::OutOfGroup { seconds }));
        for (partition, position) in positions.iter() {
            let Some(range) = ends.ranges.get(&partition) else { continue };
            let end = range.end_offset;
            let held_back = end.behind(ends.high_watermarks.get(partition).unwrap_or(end));
            let fresh = Seen { position, lags_since: None, end, held_back_since: None };
            let seen = self.seen.entry(partition).or_insert(fresh);
            seen.update(now, position, end, held_back);
            found.extend(seen.standstill(now, partition, held_back));
        }
        if found.is_empty() { Ok(()) } else { Err(Standstills(found)) }
    }
}

impl Seen {
    fn update(&mut self, now: Instant, position: Position, end: Position, held_back: i64) {
        let lags = position.behind(end) > 0 && self.position == position;
        self.lags_since = lags.then(|| self.lags_since.unwrap_or(now));
        let is_held_back = held_back > 0 && self.end == end;
        self.held_back_since = is_held_back.then(|| self.held_back_since.unwrap_or(now));
        (self.position, self.end) = (position, end);
    }

    fn standstill(&self, now: Instant, partition: Partition, held_back: i64) -> Option<Standstill> {
        let (position, from) = (self.position, self.end);
        if let Some(seconds) = too_long(self.lags_since, now) {
            let lag = position.behind(self.end);
            return Some(Standstill::NoProgress { partition, position, lag, seconds });
        }
        too_long(self.held_back_since, now).map(|seconds| Standstill::OpenTransaction {
            partition,
            held_back,
            from,
            seconds,
        })
    }
}

fn too_long(since: Option<Instant>, now: Instant) -> Option<u64> {
    let lasted = now.saturating_duration_since(since?);
    (lasted >= STANDSTILL_LIMIT).then_some(lasted.as_secs())
}

impl fmt::Display for Standstill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAdmitted { seconds, asks_for_new_protocol: false } => {
                write!(f, "the group has not let this member in for {seconds} s")
            }
            // librdkafka goes on asking a broker that does not know the protocol, and does not say so.
            Self::NotAdmitted { seconds, asks_for_new_protocol: true } => write!(
                f,
                "the group has not let this member in for {seconds} s; the brokers may lack the protocol of groups (KIP-848) \
                 that group.protocol=consumer in KAFKA_PROPERTIES asks for, as all do that are older than Kafka 4 or run with \
                 ZooKeeper: leave group.protocol out to use the classic protocol"
            ),
            Self::OutOfGroup { seconds } => write!(
                f,
                "the group took the partitions away {seconds} s ago, and has not let this member in since"
            ),
            Self::NoProgress { partition, position, lag, seconds } => write!(
                f,
                "partition {partition} stands at offset {position}, {lag} events behind, without progress for \
                 {seconds} s"
            ),
            Self::OpenTransaction { partition, held_back, from, seconds } => write!(
                f,
                "partition {partition}: a producer's transaction that has been open for {seconds} s or longer holds \
                 back {held_back} records from offset {from} on (kafka-transactions.sh find-hanging)"
            ),
        }
    }
}

impl fmt::Display for Standstills {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, standstill) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{standstill}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARTITION: Partition = Partition(0);

    fn ends(end: i64, high: i64) -> LogEnds {
        LogEnds {
            high_watermarks: Positions::from_iter([(PARTITION, Position(high))]),
            ..LogEnds::of([(PARTITION, Position(end))])
        }
    }

    /// Each step, 10 s after the last, has a position, an end offset and a high watermark. Returns the
    /// first step at which the watchdog complains, and its complaint.
    fn complains(steps: &[(i64, i64, i64)]) -> Option<(usize, String)> {
        let (began, mut watchdog) = (Instant::now(), Watchdog::default());
        steps.iter().enumerate().find_map(|(step, (position, end, high))| {
            let now = began + Duration::from_secs(10 * step as u64);
            let positions = Positions::from_iter([(PARTITION, Position(*position))]);
            let found = watchdog.look(now, &positions, &ends(*end, *high));
            found.err().map(|reason| (step, reason.to_string()))
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
        let after = |seconds| began + Duration::from_secs(seconds);
        let (none, ends) = (Positions::new(), LogEnds::of([]));
        watchdog.lost(began);
        watchdog.lost(after(20));
        assert_eq!(watchdog.look(after(29), &none, &ends), Ok(()));
        let found = watchdog.look(after(30), &none, &ends);
        assert_eq!(found, Err(Standstills(vec![Standstill::OutOfGroup { seconds: 30 }])));
        watchdog.assigned();
        assert_eq!(watchdog.look(after(90), &none, &ends), Ok(()));
    }

    #[test]
    fn it_complains_of_a_group_that_does_not_let_it_in_at_all() {
        let (none, ends) = (Positions::new(), LogEnds::of([]));
        for asks_for_new_protocol in [false, true] {
            let (began, mut watchdog) = (Instant::now(), Watchdog::default());
            let after = |seconds| began + Duration::from_secs(seconds);
            watchdog.joining(began, asks_for_new_protocol);
            assert_eq!(watchdog.look(after(29), &none, &ends), Ok(()));
            let reason = watchdog.look(after(30), &none, &ends).unwrap_err().to_string();
            assert!(reason.contains("has not let this member in for 30 s"), "{reason}");
            assert_eq!(reason.contains("KAFKA_PROPERTIES"), asks_for_new_protocol, "{reason}");
            watchdog.admitted();
            assert_eq!(watchdog.look(after(90), &none, &ends), Ok(()));
        }
    }

    #[test]
    fn it_names_a_transaction_that_stays_open() {
        let (step, reason) = complains(&[(5, 5, 9); 9]).unwrap();
        assert_eq!(step, 3);
        assert!(reason.contains("holds back 4 records from offset 5"), "{reason}");
        assert_eq!(complains(&[(5, 5, 9), (6, 6, 9), (7, 7, 9), (8, 8, 9), (9, 9, 9)]), None, "it moves");
    }
}
