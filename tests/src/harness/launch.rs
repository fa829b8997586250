//! The command line and environment of one of our binaries.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use local_stack::Process;

use super::Program;

/// A binary that is about to be started. Its output goes to a file, whose end is printed if the test fails.
pub struct Launch {
    name: String,
    command: Command,
    log: PathBuf,
    stdout: Option<Stdio>,
    stderr: Option<Stdio>,
}

impl Launch {
    /// `log` is the file for its output.
    pub fn new(name: &str, log: PathBuf) -> Self {
        let mut command = Command::new(binary(name));
        // The binary gets its settings from the test alone, not from the shell that runs the tests.
        let prefixes = ["KAFKA_", "DATABASE_", "API_", "METRICS_", "LOG_", "RUST_LOG", "PRODUCER_"];
        for (variable, _) in std::env::vars() {
            if prefixes.iter().any(|prefix| variable.starts_with(prefix)) {
                command.env_remove(variable);
            }
        }
        command.stdin(Stdio::null());
        Self { name: name.to_owned(), command, log, stdout: None, stderr: None }
    }

    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Adds flags and arguments, separated by spaces.
    #[must_use]
    pub fn args(mut self, arguments: &str) -> Self {
        self.command.args(arguments.split_whitespace());
        self
    }

    #[must_use]
    pub fn stdin(mut self, stdin: impl Into<Stdio>) -> Self {
        self.command.stdin(stdin);
        self
    }

    /// Standard output goes there, not to the log.
    #[must_use]
    pub fn stdout(mut self, stdout: impl Into<Stdio>) -> Self {
        self.stdout = Some(stdout.into());
        self
    }

    /// Standard error goes there, not to the log.
    #[must_use]
    pub fn stderr(mut self, stderr: impl Into<Stdio>) -> Self {
        self.stderr = Some(stderr.into());
        self
    }

    pub fn start(mut self) -> Program {
        let output = File::create(&self.log).unwrap();
        let log = || Stdio::from(output.try_clone().unwrap());
        self.command.stderr(self.stderr.take().unwrap_or_else(log));
        self.command.stdout(self.stdout.take().unwrap_or_else(log));
        let started = Process::start(self.command);
        let process = started.unwrap_or_else(|error| panic!("could not start {}: {error}", self.name));
        Program::new(self.name, process, self.log)
    }

    /// Starts the binary, waits until it ends with exit code 0, and returns its output.
    pub async fn succeed(self, limit: Duration) -> String {
        let mut program = self.start();
        assert_eq!(program.exit_code(limit).await, 0, "exit code of {}", program.name());
        program.log()
    }
}

/// The path where `cargo build` puts a binary: above the `deps` folder of a test, or beside another binary.
pub fn binary(name: &str) -> PathBuf {
    let this = std::env::current_exe().unwrap();
    let folder = this.parent().unwrap_or(Path::new("."));
    let folder = if folder.ends_with("deps") { folder.parent().unwrap_or(folder) } else { folder };
    let path = folder.join(name);
    let profile = if folder.ends_with("release") { " --release" } else { "" };
    assert!(
        path.is_file(),
        "{} has not been built. Build it: cargo build{profile} --workspace",
        path.display()
    );
    path
}
