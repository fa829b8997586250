//! One of our own programs as a child of `up`: a consumer, the API or the producer.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::deaths::{Deaths, Verdict};
use super::http;
use super::state::{Condition, ServiceState};
use crate::error::{Attempt, Error, Result, UsageError};
use crate::process::Process;
use crate::server::{excerpt, set_aside};
use crate::spawn::{Launch, spawn};

/// Exit codes of our programs for which a person has to act first; see docs/configuration.md.
const NEEDS_A_PERSON: RangeInclusive<i32> = 2..=8;

/// How to start a service.
#[derive(Debug)]
pub struct ServiceOptions {
    /// Its name in messages, and that of its log file.
    pub name: String,
    /// The program, which lies beside this one.
    pub program: &'static str,
    pub arguments: Vec<String>,
    pub environment: Vec<(&'static str, String)>,
    /// Where its health routes will be.
    pub health: SocketAddr,
    /// The folder of its log file.
    pub logs: PathBuf,
    /// Whether it may end by itself, once it has done what it was started for.
    pub has_an_end: bool,
}

/// A service that was started. Dropping it ends it.
#[derive(Debug)]
pub struct Service {
    options: ServiceOptions,
    log: PathBuf,
    /// `None` while it does not run.
    process: Option<Process>,
    deaths: Deaths,
}

/// What has become of a service since it was last looked at.
#[derive(Debug, PartialEq, Eq)]
pub enum Change {
    None,
    /// It has ended, and is to be started again.
    Ended,
    /// It has done what it was started for.
    Finished,
    Restarted,
}

impl Service {
    pub fn start(options: ServiceOptions) -> Result<Self> {
        let log = options.logs.join(format!("{}.log", options.name));
        let mut service = Self { options, log, process: None, deaths: Deaths::default() };
        service.launch()?;
        Ok(service)
    }

    fn launch(&mut self) -> Result<()> {
        let ServiceOptions { program, arguments, environment, logs, .. } = &self.options;
        fs::create_dir_all(logs).attempt_on("creating", logs)?;
        set_aside(&self.log)?;
        let output = File::create(&self.log).attempt_on("creating", &self.log)?;
        let mut command = Command::new(sibling(program)?);
        command
            .args(arguments)
            .envs(environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(output.try_clone().attempt_on("opening", &self.log)?)
            .stderr(output);
        let child = spawn(Launch { command, death_signal: Signal::SIGTERM, lock: None, own_group: true })
            .attempt(format!("starting {program}"))?;
        self.process = Some(Process::new(child));
        Ok(())
    }

    pub fn state(&self) -> ServiceState {
        let pid = self.process.as_ref().map(Process::id);
        ServiceState {
            name: self.options.name.clone(),
            pid,
            condition: if pid.is_some() { Condition::Running } else { Condition::Restarting },
            health: self.options.health,
            log: self.log.clone(),
        }
    }

    /// Fails if the service has ended: before all run, that is a mistake in the set-up.
    pub fn require_running(&mut self) -> Result<()> {
        self.ended()?.map_or(Ok(()), |status| Err(self.failure(status)))
    }

    /// Starts a service again that has ended by itself, after a moment. Fails if that makes no sense: a person has to act
    /// first, or it ends again and again.
    pub fn tend(&mut self) -> Result<Change> {
        if let Some(status) = self.ended()? {
            self.process = None;
            let failure = self.failure(status);
            return match status.code() {
                Some(0) if self.options.has_an_end => Ok(Change::Finished),
                Some(code) if NEEDS_A_PERSON.contains(&code) => Err(failure),
                _ => match self.deaths.note(Instant::now()) {
                    Verdict::StartAgain => {
                        warn(&failure);
                        Ok(Change::Ended)
                    }
                    Verdict::GiveUp { times } => Err(Error::EndsAgain {
                        program: self.options.name.clone(),
                        times,
                        last: Box::new(failure),
                    }),
                },
            };
        }
        if self.process.is_none() && self.deaths.is_over(Instant::now()) {
            self.launch()?;
            output::note!("{} was started again.", self.options.name);
            return Ok(Change::Restarted);
        }
        Ok(Change::None)
    }

    /// The exit status, if the service has ended.
    fn ended(&mut self) -> Result<Option<ExitStatus>> {
        match &mut self.process {
            Some(process) => process.try_wait().attempt(format!("waiting for {}", self.options.name)),
            None => Ok(None),
        }
    }

    /// The error for a service that ended although nobody had asked it to.
    fn failure(&self, status: ExitStatus) -> Error {
        let (server, log) = (self.options.name.clone(), self.log.clone());
        Error::Ended { server, status, excerpt: excerpt(&log), log }
    }

    pub fn is_ready(&self) -> bool {
        http::status(self.options.health, "/health/ready") == Some(200)
    }

    /// The error for a service that was not ready in time.
    pub fn not_ready(&self, waited: Duration) -> Error {
        Error::NotStarted {
            server: self.options.name.clone(),
            cause: format!("it was not ready after {} s", waited.as_secs()),
            excerpt: excerpt(&self.log),
            log: self.log.clone(),
        }
    }

    /// Asks the service to finish its work and end.
    pub fn ask_to_end(&self) {
        if let Some(process) = &self.process {
            process.signal(Signal::SIGTERM);
        }
    }

    /// Waits until the service has ended, and kills it at the deadline.
    pub fn wait_for_end(&mut self, deadline: Instant) -> Result<()> {
        let Some(process) = &mut self.process else { return Ok(()) };
        let attempt = format!("stopping {}", self.options.name);
        let limit = deadline.saturating_duration_since(Instant::now());
        if process.wait_for(limit).attempt(attempt.as_str())?.is_none() {
            output::note!(
                "warning: {} did not end in time and was killed. Its log is {}",
                self.options.name,
                self.log.display()
            );
            process.kill().attempt(attempt)?;
        }
        Ok(())
    }

    pub fn name(&self) -> &str {
        &self.options.name
    }
}

/// One line: the log has the rest.
fn warn(failure: &Error) {
    if let Error::Ended { server, status, log, .. } = failure {
        output::note!(
            "warning: {server} ended unexpectedly ({status}); it is started again. Its log until then is {}.previous",
            log.display()
        );
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

/// A program that lies beside this one.
pub fn sibling(program: &str) -> Result<PathBuf> {
    let this = std::env::current_exe().attempt("finding the path of this program")?;
    Ok(this.with_file_name(program))
}
