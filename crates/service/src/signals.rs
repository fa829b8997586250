//! The signals that ask a process to stop, and one that would end it for nothing.

use std::time::{Duration, Instant};

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit::Exit;

/// A signal this soon after the first one is the same request: GNU `timeout` and some supervisors signal the process
/// and then its group, so that the process receives two signals within milliseconds.
const REPEATED_WITHIN: Duration = Duration::from_secs(1);
/// A file that has reached its size limit (`ulimit -f`), such as a log. Its default action ends the process.
const SIGXFSZ: i32 = 25;

/// A request to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopSignal {
    Interrupt,
    Terminate,
}

impl StopSignal {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
        }
    }

    /// How a program ends that was to do something and then end, and could not.
    #[must_use]
    pub fn exit(self) -> Exit {
        match self {
            Self::Interrupt => Exit::Interrupted,
            Self::Terminate => Exit::Terminated,
        }
    }
}

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

    /// Waits for the next signal.
    pub async fn next(&mut self) -> StopSignal {
        tokio::select! {
            _ = self.interrupt.recv() => StopSignal::Interrupt,
            _ = self.terminate.recv() => StopSignal::Terminate,
        }
    }

    /// Waits for a second request to stop after one at `first`.
    pub async fn next_after(&mut self, first: Instant) -> StopSignal {
        loop {
            let signal = self.next().await;
            if first.elapsed() >= REPEATED_WITHIN {
                return signal;
            }
        }
    }
}
