//! One of our own programs as a child of `up`: a consumer, the API or the producer.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::http;
use super::state::ServiceState;
use crate::error::{Attempt, Error, Result, UsageError};
use crate::process::Process;
use crate::server::{excerpt, set_aside};
use crate::spawn::{Launch, spawn};

/// How to start a service.
#[derive(Debug)]
pub struct ServiceOptions<'a> {
    /// Its name in messages, and that of its log file.
    pub name: String,
    /// The program, which lies beside this one.
    pub program: &'static str,
    pub arguments: Vec<String>,
    pub environment: Vec<(&'static str, String)>,
    /// Where its health routes will be.
    pub health: SocketAddr,
    /// The folder of its log file.
    pub logs: &'a Path,
}

/// A running service. Dropping it ends it.
#[derive(Debug)]
pub struct Service {
    name: String,
    process: Process,
    health: SocketAddr,
    log: PathBuf,
}

impl Service {
    pub fn start(options: ServiceOptions<'_>) -> Result<Self> {
        let ServiceOptions { name, program, arguments, environment, health, logs } = options;
        fs::create_dir_all(logs).attempt_on("creating", logs)?;
        let log = logs.join(format!("{name}.log"));
        set_aside(&log)?;
        let output = File::create(&log).attempt_on("creating", &log)?;
        let mut command = Command::new(sibling(program)?);
        command
            .args(arguments)
            .envs(environment)
            .stdin(Stdio::null())
            .stdout(output.try_clone().attempt_on("opening", &log)?)
            .stderr(output);
        let child = spawn(Launch { command, death_signal: Signal::SIGTERM, lock: None, own_group: true })
            .attempt(format!("starting {program}"))?;
        Ok(Self { name, process: Process::new(child), health, log })
    }

    pub fn state(&self) -> ServiceState {
        ServiceState {
            name: self.name.clone(),
            pid: self.process.id(),
            health: Some(self.health),
            log: self.log.clone(),
        }
    }

    /// The exit status, if the service has ended.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.process.try_wait().attempt(format!("waiting for {}", self.name))
    }

    /// The error for a service that ended although nobody had asked it to.
    pub fn failure(&self, status: ExitStatus) -> Error {
        Error::Ended { server: self.name.clone(), status, excerpt: excerpt(&self.log), log: self.log.clone() }
    }

    pub fn is_ready(&self) -> bool {
        http::status(self.health, "/health/ready") == Some(200)
    }

    /// The error for a service that was not ready in time.
    pub fn not_ready(&self, waited: Duration) -> Error {
        Error::NotStarted {
            server: self.name.clone(),
            cause: format!("it was not ready after {} s", waited.as_secs()),
            excerpt: excerpt(&self.log),
            log: self.log.clone(),
        }
    }

    /// Asks the service to finish its work and end.
    pub fn ask_to_end(&self) {
        self.process.signal(Signal::SIGTERM);
    }

    /// Waits until the service has ended, and kills it at the deadline.
    pub fn wait_for_end(&mut self, deadline: Instant) -> Result<()> {
        let attempt = format!("stopping {}", self.name);
        let limit = deadline.saturating_duration_since(Instant::now());
        if self.process.wait_for(limit).attempt(attempt.as_str())?.is_none() {
            output::note!(
                "warning: {} did not end in time and was killed. Its log is {}",
                self.name,
                self.log.display()
            );
            self.process.kill().attempt(attempt)?;
        }
        Ok(())
    }

    pub fn name(&self) -> &str {
        &self.name
    }
}

/// Fails if the program has not been built.
pub fn require_built(program: &str) -> Result<()> {
    let path = sibling(program)?;
    if path.is_file() {
        return Ok(());
    }
    Err(UsageError::NotBuilt { program: program.to_owned(), path }.into())
}

fn sibling(program: &str) -> Result<PathBuf> {
    let this = std::env::current_exe().attempt("finding the path of this program")?;
    Ok(this.with_file_name(program))
}
