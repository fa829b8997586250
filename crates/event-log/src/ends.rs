//! The end offsets and the identity of the log, polled on a thread beside the one that reads.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::ScopedJoinHandle;
use std::time::{Duration, Instant};

use orders::{LogIdentity, Partition, Position, Positions};
use tokio::sync::watch;

use crate::client::{Leaders, LogClient, OffsetRange, OffsetRanges, Offsets};
use crate::error::Result;
use crate::heartbeat::Heartbeat;
use crate::settings::KafkaSettings;
use crate::thread;

const THREAD: &str = "log-ends";
/// Bounds each request. A broker that hangs costs every round as much, and a second more; yet the ends of the partitions
/// that others lead must stay younger than the 10 s after which Kafka counts as away.
const TIMEOUT: Duration = Duration::from_secs(2);
/// How long the brokers have to say that the topic does not exist before it is believed. A broker with a ZooKeeper says so of every
/// topic after its start, until its controller has named the topics.
const GONE_AFTER: Duration = Duration::from_secs(30);
/// How often the log is asked for its identity.
const IDENTITY_INTERVAL: Duration = Duration::from_secs(10);

/// What the log held at `asked_at`. The log may have grown since.
#[derive(Clone, Debug)]
pub struct LogEnds {
    pub asked_at: Instant,
    /// The ranges for readers of committed records, so they end at the last stable offsets.
    /// A partition that did not answer keeps its last known range, if there is one.
    pub ranges: OffsetRanges,
    /// The partitions that did not answer, most often because they have no leader, and since when.
    pub silent: BTreeMap<Partition, Instant>,
    /// Where the partitions that answered end if records of open transactions count.
    pub high_watermarks: Positions,
    /// Which log it was, up to 10 s ago; `None` if the topic did not exist, or has not existed for 30 s.
    pub identity: Option<LogIdentity>,
}

impl LogEnds {
    /// For tests: the ends, as of now, of a log that begins at 0 and has no open transactions.
    #[must_use]
    pub fn of(ends: impl IntoIterator<Item = (Partition, Position)>) -> Self {
        let range = |end_offset| OffsetRange { low_watermark: Position::START, end_offset };
        let ranges = ends.into_iter().map(|(partition, end)| (partition, range(end))).collect();
        Self {
            asked_at: Instant::now(),
            ranges,
            silent: BTreeMap::new(),
            high_watermarks: Positions::new(),
            identity: None,
        }
    }
}

/// Asks for the ends on a thread of its own until it is dropped.
#[derive(Debug)]
pub struct EndsWatch {
    /// `None` until the first answer; unchanged while no broker answers.
    pub latest: watch::Receiver<Option<LogEnds>>,
    _stop: Sender<()>,
}

impl EndsWatch {
    /// Asks every `interval`. The thread beats `heartbeat` before and after its requests, which take up to
    /// 5 s together while a broker does not answer.
    pub fn start(settings: &KafkaSettings, interval: Duration, heartbeat: Heartbeat) -> Result<Self> {
        let (publish, latest) = watch::channel(None);
        let (stop, stopped) = channel();
        let questioner = Questioner {
            client: LogClient::new(settings)?,
            leaders: None,
            gone_since: None,
            ranges: OffsetRanges::new(),
            silent: BTreeMap::new(),
            high_watermarks: Positions::new(),
            identity: None,
            identified_at: None,
            is_failing: false,
            heartbeat,
            publish,
        };
        thread::spawn(THREAD, move || questioner.run(interval, &stopped))?;
        Ok(Self { latest, _stop: stop })
    }
}

struct Questioner {
    client: LogClient,
    /// `None` until the first answer.
    leaders: Option<Leaders>,
    /// Since when the brokers say that the topic does not exist.
    gone_since: Option<Instant>,
    ranges: OffsetRanges,
    silent: BTreeMap<Partition, Instant>,
    high_watermarks: Positions,
    identity: Option<LogIdentity>,
    identified_at: Option<Instant>,
    is_failing: bool,
    heartbeat: Heartbeat,
    publish: watch::Sender<Option<LogEnds>>,
}

impl Questioner {
    fn run(mut self, interval: Duration, stopped: &Receiver<()>) {
        loop {
            self.heartbeat.beat();
            match self.ask() {
                Ok(ends) => {
                    self.is_failing = false;
                    self.publish.send_replace(Some(ends));
                }
                Err(error) if !self.is_failing => {
                    self.is_failing = true;
                    tracing::warn!(%error, "the end offsets of the log are not available; the lag is unknown");
                }
                Err(_) => {}
            }
            self.heartbeat.beat();
            if stopped.recv_timeout(interval) != Err(RecvTimeoutError::Timeout) {
                return;
            }
        }
    }

    /// Asks all questions at once, because a broker that hangs may be asked any of them. The partitions and leaders
    /// that are asked about are those of the round before.
    fn ask(&mut self) -> Result<LogEnds> {
        let client = &self.client;
        let known = match self.leaders.take() {
            Some(leaders) => leaders,
            None => client.leaders(TIMEOUT)?,
        };
        let asked_at = Instant::now();
        let is_identity_due = self.identified_at.is_none_or(|at| at.elapsed() >= IDENTITY_INTERVAL);
        let (leaders, ids, answers) = std::thread::scope(|scope| {
            let leaders = scope.spawn(|| client.leaders(TIMEOUT));
            let ids = is_identity_due.then(|| scope.spawn(|| client.ids(TIMEOUT)));
            let answers = client.answered_offsets(&known, TIMEOUT);
            (leaders.join(), ids.map(ScopedJoinHandle::join), answers)
        });
        // A question that was not answered is asked again in the next round.
        let answer = leaders.ok().and_then(Result::ok);
        let leaders = believed(&mut self.gone_since, answer, known, asked_at);
        if let Some(Ok(Ok(ids))) = ids {
            (self.identity, self.identified_at) = (ids.identity(&leaders), Some(asked_at));
        }
        self.leaders = Some(leaders);
        let answers = answers?;
        let high =
            answers.iter().filter_map(|(partition, answer)| Some((*partition, (*answer)?.high_watermark)));
        self.high_watermarks = high.collect();
        (self.ranges, self.silent) = merge(&self.ranges, &self.silent, answers, asked_at);
        let (ranges, silent) = (self.ranges.clone(), self.silent.clone());
        let (high_watermarks, identity) = (self.high_watermarks.clone(), self.identity.clone());
        Ok(LogEnds { asked_at, ranges, silent, high_watermarks, identity })
    }
}

/// The partitions and leaders to use from now on, given those `known` so far and the latest answer, if any.
fn believed(
    gone_since: &mut Option<Instant>,
    answer: Option<Leaders>,
    known: Leaders,
    now: Instant,
) -> Leaders {
    match answer {
        Some(answer) if answer.is_empty() && !known.is_empty() => {
            let since = *gone_since.get_or_insert(now);
            if now.duration_since(since) >= GONE_AFTER { answer } else { known }
        }
        answer => {
            *gone_since = None;
            answer.unwrap_or(known)
        }
    }
}

/// The ranges and the silent partitions after these answers.
fn merge(
    known: &OffsetRanges,
    silent: &BTreeMap<Partition, Instant>,
    answers: BTreeMap<Partition, Option<Offsets>>,
    now: Instant,
) -> (OffsetRanges, BTreeMap<Partition, Instant>) {
    let (mut ranges, mut still_silent) = (OffsetRanges::new(), BTreeMap::new());
    for (partition, answer) in answers {
        let range = answer.map(|answer| answer.range).or_else(|| known.get(&partition).copied());
        ranges.extend(range.map(|range| (partition, range)));
        if answer.is_none() {
            still_silent.insert(partition, silent.get(&partition).copied().unwrap_or(now));
        }
    }
    (ranges, still_silent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_gone_if_the_brokers_say_so_for_long() {
        let (began, mut gone_since) = (Instant::now(), None);
        let known: Leaders = [(Partition(0), true)].into();
        let mut after = |seconds, answer: Option<Leaders>| {
            believed(&mut gone_since, answer, known.clone(), began + Duration::from_secs(seconds))
        };
        assert_eq!(after(0, Some(Leaders::new())), known, "the broker has just started");
        assert_eq!(after(29, Some(Leaders::new())), known);
        assert_eq!(after(30, Some(Leaders::new())), Leaders::new());
        // If no answer comes, or the topic is there again, the 30 s start over.
        for other in [None, Some(known.clone())] {
            assert_eq!(after(40, other), known);
            assert_eq!(after(50, Some(Leaders::new())), known);
            assert_eq!(after(79, Some(Leaders::new())), known);
        }
        assert_eq!(after(80, Some(Leaders::new())), Leaders::new());
    }

    #[test]
    fn a_silent_partition_keeps_its_range_and_does_not_affect_the_others() {
        let range = |end| OffsetRange { low_watermark: Position::START, end_offset: Position(end) };
        let [answers, silent, unknown] = [0, 1, 2].map(Partition);
        let began = Instant::now();
        let later = began + Duration::from_secs(1);
        let answer = |end| Some(Offsets { range: range(end), high_watermark: Position(end) });
        let first = [(answers, answer(1)), (silent, answer(5)), (unknown, None)].into();
        let (ranges, no_answer) = merge(&OffsetRanges::new(), &BTreeMap::new(), first, began);
        assert_eq!(no_answer, [(unknown, began)].into());
        let second = [(answers, answer(2)), (silent, None), (unknown, None)].into();
        let (ranges, no_answer) = merge(&ranges, &no_answer, second, later);
        assert_eq!(ranges, [(answers, range(2)), (silent, range(5))].into());
        assert_eq!(no_answer, [(silent, later), (unknown, began)].into());
        let third = [(answers, answer(2)), (silent, answer(6))].into();
        assert_eq!(merge(&ranges, &no_answer, third, later).1, BTreeMap::new());
    }
}
