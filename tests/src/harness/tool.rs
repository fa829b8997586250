//! Programs that are not ours, such as psql, and scripts of the repository.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A file or a folder of the repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(path)
}

/// One that a test runs to its end. It gets the environment of the test.
pub struct Tool {
    name: String,
    command: Command,
}

impl Tool {
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        let name = program.as_ref().to_string_lossy().into_owned();
        let mut command = Command::new(program);
        command.stdin(Stdio::null());
        Self { name, command }
    }

    /// psql on a database, without the settings of the user who runs the tests. The first statement that fails ends it.
    pub fn psql(url: &str) -> Self {
        Self::new("psql").args(["--no-psqlrc", "--set", "ON_ERROR_STOP=1", "--dbname", url])
    }

    #[must_use]
    pub fn args(mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(arguments);
        self
    }

    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs it until it ends with exit code 0, and returns what it has printed.
    #[track_caller]
    pub fn succeed(self) -> String {
        let (name, output) = self.run();
        let printed = printed(&output);
        assert!(output.status.success(), "{name} ended with {}: {printed}", output.status);
        printed
    }

    /// Runs it until it ends with another exit code, and returns what it has printed.
    #[track_caller]
    pub fn fail(self) -> String {
        let (name, output) = self.run();
        let printed = printed(&output);
        assert!(!output.status.success(), "{name} should have failed: {printed}");
        printed
    }

    #[track_caller]
    fn run(mut self) -> (String, Output) {
        let output = self.command.output();
        let output = output.unwrap_or_else(|error| panic!("{} cannot be run: {error}", self.name));
        (self.name, output)
    }
}

fn printed(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|stream| String::from_utf8_lossy(stream)).concat()
}
