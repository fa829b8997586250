//! The end offsets and the identity of the log, polled on a thread beside the one that reads.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use orders::{LogIdentity, Partition, Position, Positions};
use tokio::sync::watch;

use crate::client::{LogClient, OffsetRange, OffsetRanges};
use crate::error::{Error, Result};
use crate::heartbeat::Heartbeat;
use crate::settings::KafkaSettings;

const THREAD: &str = "log-ends";
/// Bounds each request.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How often the log is asked for its identity and for its high watermarks.
const IDENTITY_INTERVAL: Duration = Duration::from_secs(10);

/// What the log held at `asked_at`. The log may have grown since.
#[derive(Clone, Debug)]
pub struct LogEnds {
    pub asked_at: Instant,
    /// The ranges for readers of committed records, so they end at the last stable offsets.
    pub ranges: OffsetRanges,
    /// Where the partitions end if records of open transactions count; up to 10 s old.
    pub high_watermarks: Positions,
    /// Which log it was, up to 10 s ago; `None` if the topic did not exist.
    pub identity: Option<LogIdentity>,
}

impl LogEnds {
    /// For tests: the ends, as of now, of a log that begins at 0 and has no open transactions.
    #[must_use]
    pub fn of(ends: impl IntoIterator<Item = (Partition, Position)>) -> Self {
        let range = |end_offset| OffsetRange { low_watermark: Position::START, end_offset };
        let ranges = ends.into_iter().map(|(partition, end)| (partition, range(end))).collect();
        Self { asked_at: Instant::now(), ranges, high_watermarks: Positions::new(), identity: None }
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
    /// Asks every `interval`. The thread beats `heartbeat` before and after each query, which takes up
    /// to 5 s per request while no broker answers.
    pub fn start(settings: &KafkaSettings, interval: Duration, heartbeat: Heartbeat) -> Result<Self> {
        let (publish, latest) = watch::channel(None);
        let (stop, stopped) = channel();
        let questioner = Questioner {
            committed: LogClient::new(settings)?,
            uncommitted: LogClient::read_uncommitted(settings)?,
            high_watermarks: Positions::new(),
            identity: None,
            identified_at: None,
            is_failing: false,
            heartbeat,
            publish,
        };
        std::thread::Builder::new()
            .name(THREAD.into())
            .spawn(move || questioner.run(interval, &stopped))
            .map_err(|cause| Error::Thread { name: THREAD, cause })?;
        Ok(Self { latest, _stop: stop })
    }
}

struct Questioner {
    committed: LogClient,
    uncommitted: LogClient,
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

    fn ask(&mut self) -> Result<LogEnds> {
        let asked_at = Instant::now();
        let ranges = self.committed.offset_ranges(TIMEOUT)?;
        if self.identified_at.is_none_or(|at| at.elapsed() >= IDENTITY_INTERVAL) {
            self.heartbeat.beat();
            self.identity = self.committed.identity(TIMEOUT)?;
            let ranges = self.uncommitted.offset_ranges(TIMEOUT)?;
            self.high_watermarks =
                ranges.into_iter().map(|(partition, range)| (partition, range.end_offset)).collect();
            self.identified_at = Some(Instant::now());
        }
        let (high_watermarks, identity) = (self.high_watermarks.clone(), self.identity.clone());
        Ok(LogEnds { asked_at, ranges, high_watermarks, identity })
    }
}
