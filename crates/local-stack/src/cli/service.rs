//! One of our own programs as a child of `up`: consumer, api or producer.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::folder::ServiceState;
use super::http;
use crate::error::{Attempt, Error, Result};
use crate::process::Process;
use crate::server::{excerpt, set_aside};
use crate::spawn::{Launch, spawn};

/// See the module. Dropping it ends it.
#[derive(Debug)]
pub struct Service {
    name: String,
    process: Process,
    health: Option<SocketAddr>,
    log: PathBuf,
}

impl Service {
    /// Starts the program that lies beside this one.
    pub fn start(
        name: &str,
        program: &str,
        arguments: &[String],
        environment: &[(&str, String)],
        health: Option<SocketAddr>,
        logs: &Path,
    ) -> Result<Self> {
        fs::create_dir_all(logs).attempt_on("creating", logs)?;
        let log = logs.join(format!("{name}.log"));
        set_aside(&log)?;
        let output = File::create(&log).attempt_on("creating", &log)?;
        let mut command = Command::new(sibling(program)?);
        command
            .args(arguments)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(output.try_clone().attempt_on("opening", &log)?)
            .stderr(output);
        let child = spawn(Launch { command, death_signal: Signal::SIGTERM, lock: None, own_group: true })
            .attempt(format!("starting {program}"))?;
        Ok(Self { name: name.to_owned(), process: Process::new(child), health, log })
    }

    pub fn state(&self) -> ServiceState {
        ServiceState {
            name: self.name.clone(),
            pid: self.process.id(),
            health: self.health,
            log: self.log.clone(),
        }
    }

    /// Its exit status, if it has ended.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.process.try_wait().attempt(format!("waiting for {}", self.name))
    }

    /// The error for one that ended when it should not.
    pub fn failure(&self, status: ExitStatus) -> Error {
        Error::Ended { server: self.name.clone(), status, excerpt: excerpt(&self.log), log: self.log.clone() }
    }

    pub fn is_ready(&self) -> bool {
        self.health.is_none_or(|address| http::status(address, "/health/ready") == Some(200))
    }

    /// The error for one that is not ready in time.
    pub fn not_ready(&self, waited: Duration) -> Error {
        Error::NotStarted {
            server: self.name.clone(),
            cause: format!("it was not ready after {} s", waited.as_secs()),
            excerpt: excerpt(&self.log),
            log: self.log.clone(),
        }
    }

    /// Asks it to drain and end.
    pub fn ask_to_end(&self) {
        self.process.signal(Signal::SIGTERM);
    }

    /// Waits for its end; kills it at the deadline, and says so.
    pub fn wait_for_end(&mut self, deadline: Instant) -> Result<()> {
        let what = format!("stopping {}", self.name);
        let limit = deadline.saturating_duration_since(Instant::now());
        if self.process.wait_for(limit).attempt(what.as_str())?.is_none() {
            eprintln!(
                "warning: {} did not end in time and was killed; its log: {}",
                self.name,
                self.log.display()
            );
            self.process.kill().attempt(what)?;
        }
        Ok(())
    }

    pub fn name(&self) -> &str {
        &self.name
    }
}

/// Fails where it has not been built, before any server is started.
pub fn require_built(program: &str) -> Result<()> {
    let path = sibling(program)?;
    if path.is_file() {
        return Ok(());
    }
    Err(Error::Usage(format!(
        "{} has not been built: ./food-orders up builds it, or: cargo build --release --locked -p {program}",
        path.display()
    )))
}

fn sibling(program: &str) -> Result<PathBuf> {
    let this = std::env::current_exe().attempt("finding this program")?;
    Ok(this.with_file_name(program))
}
