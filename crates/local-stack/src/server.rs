//! What the servers have in common as child processes: start and wait, stop, kill, freeze and
//! restart.

mod delegate;
mod folder_lock;
mod log_file;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::error::{Attempt, Error, Result};
use crate::process::Process;
use crate::spawn::{Launch, spawn};

pub(crate) use delegate::delegate_to_server;
pub(crate) use log_file::{excerpt, set_aside};

/// One kind of server: how to start it, and when it is ready.
pub(crate) trait ServerKind: Send + Sync + std::fmt::Debug {
    fn name(&self) -> &str;
    fn command(&self) -> Command;
    /// Waits for whatever of an earlier run would prevent a start.
    fn before_start(&self) -> Result<()> {
        Ok(())
    }
    /// The file that tells why a start failed.
    fn log(&self) -> &Path;
    /// Whether the process with this id accepts connections.
    fn is_ready(&self, pid: u32) -> bool;
    /// Makes the server shut down cleanly.
    fn stop_signal(&self) -> Signal {
        Signal::SIGTERM
    }
    /// What the kernel sends to the server when this process dies.
    fn death_signal(&self) -> Signal {
        self.stop_signal()
    }
    /// Makes the server end without a shutdown; its next start recovers.
    fn immediate_signal(&self) -> Signal {
        Signal::SIGKILL
    }
    fn start_limit(&self) -> Duration;
}

/// A server that runs, or has been stopped and can be started again. Dropping it stops it.
#[derive(Debug)]
pub(crate) struct Server {
    kind: Box<dyn ServerKind>,
    folder: PathBuf,
    process: Option<Process>,
}

impl Server {
    /// `folder` holds the data, the log and the lock.
    pub fn start(kind: Box<dyn ServerKind>, folder: &Path) -> Result<Self> {
        let mut server = Self { kind, folder: folder.to_owned(), process: None };
        server.launch()?;
        Ok(server)
    }

    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    pub fn log(&self) -> &Path {
        self.kind.log()
    }

    /// Whether the process has been started and has not ended.
    pub fn runs(&mut self) -> bool {
        self.process.as_mut().is_some_and(|process| matches!(process.try_wait(), Ok(None)))
    }

    /// Why the server ended by itself, with the end of its log; `None` while it runs or after it was stopped.
    pub fn failure(&mut self) -> Option<Error> {
        let status = self.process.as_mut()?.try_wait().ok()??;
        let log = self.log_in_use();
        Some(Error::Ended { server: self.kind.name().to_owned(), status, excerpt: excerpt(&log), log })
    }

    /// The same, but only once: afterwards the server counts as stopped.
    pub fn take_failure(&mut self) -> Option<Error> {
        let failure = self.failure()?;
        self.process = None;
        Some(failure)
    }

    pub fn stop(&mut self, limit: Duration) -> Result<()> {
        self.end(self.kind.stop_signal(), limit)
    }

    pub fn stop_immediate(&mut self) -> Result<()> {
        self.end(self.kind.immediate_signal(), Duration::from_secs(10))
    }

    fn end(&mut self, signal: Signal, limit: Duration) -> Result<()> {
        match self.process.take() {
            Some(mut process) => {
                process.end(signal, limit).map(drop).attempt(format!("stopping {}", self.kind.name()))
            }
            None => Ok(()),
        }
    }

    pub fn kill(&mut self) -> Result<()> {
        match self.process.take() {
            Some(mut process) => process.kill().attempt(format!("killing {}", self.kind.name())),
            None => Ok(()),
        }
    }

    pub fn pause(&self) {
        if let Some(process) = &self.process {
            process.signal_all(Signal::SIGSTOP);
        }
    }

    pub fn resume(&self) {
        if let Some(process) = &self.process {
            process.signal_all(Signal::SIGCONT);
        }
    }

    /// Stops the server if it runs, and starts it with the same data and port.
    pub fn restart(&mut self) -> Result<()> {
        self.stop(Duration::from_secs(30))?;
        self.launch()
    }

    fn launch(&mut self) -> Result<()> {
        let lock = folder_lock::acquire(self.kind.name(), &self.folder)?;
        self.kind.before_start()?;
        let output_path = self.output_path();
        // Readiness and errors are read from these files: what an earlier run wrote must not count for this
        // one.
        set_aside(&output_path)?;
        set_aside(self.kind.log())?;
        let output = File::create(&output_path).attempt_on("creating", &output_path)?;
        let mut command = self.kind.command();
        command
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(output.try_clone().attempt_on("opening", &output_path)?)
            .stderr(output);
        let child = spawn(Launch {
            command,
            death_signal: self.kind.death_signal(),
            lock: Some(lock),
            own_group: true,
        })
        .attempt(format!("starting {}", self.kind.name()))?;
        self.process = Some(Process::new(child));
        self.wait_until_ready()
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let limit = self.kind.start_limit();
        let deadline = Instant::now() + limit;
        loop {
            let Some(process) = self.process.as_mut() else {
                return Err(self.not_started("it was stopped while it was starting".to_owned()));
            };
            let pid = process.id();
            if let Some(status) = process.try_wait().attempt(format!("waiting for {}", self.kind.name()))? {
                self.process = None;
                return Err(self.not_started(format!("it ended before it was ready ({status})")));
            }
            if self.kind.is_ready(pid) {
                return Ok(());
            }
            if Instant::now() >= deadline {
                let error = self.not_started(format!("it was not ready after {} s", limit.as_secs()));
                self.kill()?;
                return Err(error);
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn not_started(&self, cause: String) -> Error {
        let log = self.log_in_use();
        Error::NotStarted { server: self.kind.name().to_owned(), cause, excerpt: excerpt(&log), log }
    }

    /// The log; or the standard output and error, where the server ended before it could open its log.
    fn log_in_use(&self) -> PathBuf {
        [self.kind.log().to_owned(), self.output_path()]
            .into_iter()
            .find(|log| log.metadata().is_ok_and(|metadata| metadata.len() > 0))
            .unwrap_or_else(|| self.kind.log().to_owned())
    }

    fn output_path(&self) -> PathBuf {
        self.folder.join("output.log")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.stop(Duration::from_secs(15));
    }
}
