//! The signals that ask a process to stop, and one that would end it for nothing.

use std::time::{Duration, Instant};

use tokio::signal::unix::{Signal, SignalKind, signal};

/// A signal this soon after the first one is the same request: GNU `timeout` and some supervisors signal the process
/// and then its group, so that the process receives two signals within milliseconds.
const REPEATED_WITHIN: Duration = Duration::from_secs(1);
/// A file that has reached its size limit (`ulimit -f`), such as a log. Its default action ends the process.
const SIGXFSZ: i32 = 25;

/// Listens from its creation on, so that no signal is missed.
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    /// Nobody waits for it. While it is listened to, a write beyond the limit fails like one to a full disk.
    _file_size: Signal,
}

impl Signals {
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            _file_size: signal(SignalKind::from_raw(SIGXFSZ))?,
        })
    }

    /// Waits for the next signal and returns its name.
    pub async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }

    /// Waits for a second request to stop after one at `first`, and returns the name of its signal.
    pub async fn next_after(&mut self, first: Instant) -> &'static str {
        loop {
            let signal = self.next().await;
            if first.elapsed() >= REPEATED_WITHIN {
                return signal;
            }
        }
    }
}
