//! One of our binaries, about to be started.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use local_stack::Process;

use super::Program;

/// See the module. Its output goes to a file that is shown if the test fails.
pub struct Launch {
    name: String,
    command: Command,
    log: PathBuf,
}

impl Launch {
    /// `log`: where its output goes.
    pub fn new(name: &str, log: PathBuf) -> Self {
        let mut command = Command::new(binary(name));
        // Only what the test gives: not what the shell of whoever runs it has set.
        let ours = ["KAFKA_", "DATABASE_", "API_", "METRICS_", "LOG_", "RUST_LOG", "PRODUCER_"];
        for (variable, _) in std::env::vars() {
            if ours.iter().any(|prefix| variable.starts_with(prefix)) {
                command.env_remove(variable);
            }
        }
        command.stdin(Stdio::null());
        Self { name: name.to_owned(), command, log }
    }

    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Flags and arguments, between spaces.
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

    pub fn start(mut self) -> Program {
        let output = File::create(&self.log).unwrap();
        self.command.stderr(output.try_clone().unwrap()).stdout(output);
        let started = Process::start(self.command);
        let process = started.unwrap_or_else(|error| panic!("{} cannot be started: {error}", self.name));
        Program::new(self.name, process, self.log)
    }

    /// Starts it, and waits until it ends with 0. Gives back what it printed.
    pub async fn succeed(self, limit: Duration) -> String {
        let mut program = self.start();
        assert_eq!(program.exit_code(limit).await, 0, "{}: exit code", program.name());
        program.log()
    }
}

/// Where `cargo build` puts it: beside a test's own folder, or beside another program.
fn binary(name: &str) -> PathBuf {
    let this = std::env::current_exe().unwrap();
    let folder = this.parent().unwrap_or(Path::new("."));
    let folder = if folder.ends_with("deps") { folder.parent().unwrap_or(folder) } else { folder };
    let path = folder.join(name);
    let profile = if folder.ends_with("release") { " --release" } else { "" };
    assert!(path.is_file(), "{} is not there; build it: cargo build{profile} --workspace", path.display());
    path
}
