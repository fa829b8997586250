//! What Kafka and PostgreSQL have in common as child processes: start and wait, stop, kill, freeze, restart, and the end of the log.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::error::{Attempt, Error, Result};
use crate::process::Process;
use crate::spawn::{Launch, spawn};

/// How long a predecessor on the same data folder may take to be gone.
const PREDECESSOR: Duration = Duration::from_secs(20);

/// One kind of server: how to start it and when it is ready.
pub(crate) trait Kind: Send + Sync + std::fmt::Debug {
    fn name(&self) -> &'static str;
    fn command(&self) -> Command;
    /// Where the first cause of a failed start stands.
    fn log(&self) -> &Path;
    /// Whether this process takes connections.
    fn is_ready(&self, pid: u32) -> bool;
    /// Ends it in good order.
    fn stop_signal(&self) -> Signal;
    /// Ends it at once; the next start recovers.
    fn immediate_signal(&self) -> Signal;
    fn start_limit(&self) -> Duration;
}

/// A server that runs, or has been stopped and can be started again. Dropping it stops it.
#[derive(Debug)]
pub(crate) struct Server {
    kind: Box<dyn Kind>,
    folder: PathBuf,
    process: Option<Process>,
}

impl Server {
    /// `folder` holds the data, the log and the lock.
    pub fn start(kind: Box<dyn Kind>, folder: &Path) -> Result<Self> {
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

    /// Why it is not running any more, with the end of its log; nothing while it runs.
    pub fn failure(&mut self) -> Option<Error> {
        let status = self.process.as_mut()?.try_wait().ok()??;
        let log = self.telling_log();
        Some(Error::Ended { server: self.kind.name().to_owned(), status, excerpt: excerpt(&log), log })
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

    /// Stops it if it runs, and starts it with the same data and port.
    pub fn restart(&mut self) -> Result<()> {
        self.stop(Duration::from_secs(30))?;
        self.launch()
    }

    fn launch(&mut self) -> Result<()> {
        let lock = lock(self.kind.name(), &self.folder, PREDECESSOR)?;
        let output_path = self.folder.join("output.log");
        // What an earlier run wrote must not be taken for this one's.
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
            death_signal: self.kind.stop_signal(),
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
                return Err(self.not_started("it was stopped meanwhile".to_owned()));
            };
            let pid = process.id();
            if let Some(status) = process.try_wait().attempt(format!("waiting for {}", self.kind.name()))? {
                self.process = None;
                return Err(self.not_started(format!("it ended at once ({status})")));
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
        let log = self.telling_log();
        Error::NotStarted { server: self.kind.name().to_owned(), cause, excerpt: excerpt(&log), log }
    }

    /// Its log, or what it printed if it died before it could open that.
    fn telling_log(&self) -> PathBuf {
        [self.kind.log().to_owned(), self.folder.join("output.log")]
            .into_iter()
            .find(|log| fs::metadata(log).is_ok_and(|metadata| metadata.len() > 0))
            .unwrap_or_else(|| self.kind.log().to_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.stop(Duration::from_secs(15));
    }
}

/// The lock of a data folder. The server inherits it, so it is held exactly as long as any of its processes lives, ours or one that
/// a killed predecessor left behind.
fn lock(server: &'static str, folder: &Path, limit: Duration) -> Result<File> {
    let path = folder.join("lock");
    let file = File::create(&path).attempt_on("creating", &path)?;
    let deadline = Instant::now() + limit;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(fs::TryLockError::Error(e)) => return Err(e).attempt_on("locking", &path),
            Err(fs::TryLockError::WouldBlock) if Instant::now() >= deadline => {
                return Err(Error::DataFolder {
                    server,
                    folder: folder.to_owned(),
                    cause: "another server works on it. Stop that one (`./food-orders down`), or choose another folder".to_owned(),
                });
            }
            Err(fs::TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// Renames a log file to `NAME.previous`, if there is one.
pub(crate) fn set_aside(log: &Path) -> Result<()> {
    if !log.exists() {
        return Ok(());
    }
    let mut previous = log.as_os_str().to_owned();
    previous.push(".previous");
    fs::rename(log, previous).attempt_on("renaming", log)
}

/// The part of a log that tells why a program ended: from the first line that says so, of those near the end, else the last lines.
pub(crate) fn excerpt(log: &Path) -> String {
    const LINES: usize = 15;
    // What a server writes while it ends.
    const NEAR: usize = 300;
    let text = match fs::read(log) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(e) => return format!("({e})"),
    };
    let all: Vec<&str> = text.lines().collect();
    let lines = &all[all.len().saturating_sub(NEAR)..];
    let says_so = |line: &&str| [" ERROR ", " FATAL ", "FATAL:"].iter().any(|word| line.contains(word));
    let last = lines.len().saturating_sub(LINES);
    let first = lines.iter().position(says_so).map_or(last, |found| found.min(last));
    lines[first..lines.len().min(first + LINES)].join("\n")
}

/// The methods that a server shows to the outside, over its field `server`.
macro_rules! delegate_to_server {
    () => {
        /// The process id; nothing after it was stopped.
        pub fn pid(&self) -> Option<u32> {
            self.server.pid()
        }

        /// Its log file.
        pub fn log(&self) -> &std::path::Path {
            self.server.log()
        }

        /// Why it is not running any more, if it ended by itself; nothing while it runs.
        pub fn failure(&mut self) -> Option<crate::Error> {
            self.server.failure()
        }

        /// Stops it in good order; killed after 30 seconds.
        pub fn stop(&mut self) -> crate::Result<()> {
            self.server.stop(std::time::Duration::from_secs(30))
        }

        /// Ends it without a shutdown of its own: the next start recovers.
        pub fn stop_immediate(&mut self) -> crate::Result<()> {
            self.server.stop_immediate()
        }

        /// SIGKILL to it and to all its processes, as a power cut would.
        pub fn kill(&mut self) -> crate::Result<()> {
            self.server.kill()
        }

        /// Freezes it with all its processes (SIGSTOP): connections stay open and nothing answers.
        pub fn pause(&self) {
            self.server.pause();
        }

        /// Wakes it again (SIGCONT).
        pub fn resume(&self) {
            self.server.resume();
        }

        /// Stops it if it runs, and starts it on the same port with the same data. Also the way to start it after `stop` or `kill`.
        pub fn restart(&mut self) -> crate::Result<()> {
            self.server.restart()
        }
    };
}
pub(crate) use delegate_to_server;
