//! A shell that outlives this process, however it ends, and then cleans up after it.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};

use crate::error::{Attempt, Result};

/// Runs a script when it is dropped, or when this process dies.
#[derive(Debug)]
pub(crate) struct Cleaner {
    shell: Child,
    /// Closing this pipe starts the script.
    input: Option<ChildStdin>,
}

impl Cleaner {
    /// `sh` runs the script, with the arguments in `$1`, `$2` and so on.
    pub fn new<S: AsRef<OsStr>>(script: &str, arguments: impl IntoIterator<Item = S>) -> Result<Self> {
        let mut shell = Command::new("/bin/sh")
            // `read` returns when this process closes its end of the pipe, or dies.
            .args(["-c", &format!("read -r _\n{script}"), "food-orders-cleaner"])
            .args(arguments)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // A process group of its own, which the terminal's Ctrl-C does not reach.
            .process_group(0)
            .spawn()
            .attempt("starting the shell that cleans up")?;
        let input = shell.stdin.take();
        Ok(Self { shell, input })
    }
}

impl Drop for Cleaner {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.shell.wait();
    }
}
