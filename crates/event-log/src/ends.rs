//! How long the log is and which one, asked again and again beside the reading.

use std::collections::BTreeMap;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use orders::{LogIdentity, Partition, Position};
use tokio::sync::watch;

use crate::client::{Ends, LogClient};
use crate::error::{Error, Result};
use crate::settings::KafkaSettings;

const TIMEOUT: Duration = Duration::from_secs(5);
/// How often the log is asked which one it is, and for open transactions.
const IDENTITY_INTERVAL: Duration = Duration::from_secs(10);

/// The watermarks as of `asked_at`: whatever is read after that instant may go further.
#[derive(Clone, Debug)]
pub struct Polled {
    pub asked_at: Instant,
    pub ends: Ends,
    /// Where the partitions end with the records of open transactions; up to ten seconds old.
    pub highs: BTreeMap<Partition, Position>,
    /// As it was asked for last, up to ten seconds before; `None`: there was no such topic.
    pub identity: Option<LogIdentity>,
}

/// Polls the watermarks on a thread of its own until it is dropped.
#[derive(Debug)]
pub struct EndsWatch {
    /// `None` until the first answer; unchanged while the broker is away.
    pub latest: watch::Receiver<Option<Polled>>,
    _stop: Sender<()>,
}

impl EndsWatch {
    pub fn start(settings: &KafkaSettings, interval: Duration) -> Result<Self> {
        let client = LogClient::new(settings)?;
        let uncommitted = LogClient::read_uncommitted(settings)?;
        let (publish, latest) = watch::channel(None);
        let (stop, stopped) = channel();
        std::thread::Builder::new()
            .name("log-ends".into())
            .spawn(move || {
                let mut failing = false;
                let (mut identity, mut highs) = (None, BTreeMap::new());
                let mut identified: Option<Instant> = None;
                loop {
                    let asked_at = Instant::now();
                    let answer = client.watermarks(TIMEOUT).and_then(|ends| {
                        if identified.is_none_or(|at| at.elapsed() >= IDENTITY_INTERVAL) {
                            identity = client.identity(TIMEOUT)?;
                            let marks = uncommitted.watermarks(TIMEOUT)?;
                            highs =
                                marks.into_iter().map(|(partition, marks)| (partition, marks.end)).collect();
                            identified = Some(Instant::now());
                        }
                        Ok(ends)
                    });
                    match answer {
                        Ok(ends) => {
                            failing = false;
                            publish.send_replace(Some(Polled {
                                asked_at,
                                ends,
                                highs: highs.clone(),
                                identity: identity.clone(),
                            }));
                        }
                        Err(error) => {
                            if !std::mem::replace(&mut failing, true) {
                                tracing::warn!(%error, "the log's end offsets cannot be had; lag is unknown");
                            }
                        }
                    }
                    if stopped.recv_timeout(interval) != Err(RecvTimeoutError::Timeout) {
                        return;
                    }
                }
            })
            .map_err(|error| Error::Log(format!("no thread to ask for end offsets: {error}")))?;
        Ok(Self { latest, _stop: stop })
    }
}
