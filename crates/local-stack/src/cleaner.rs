//! A shell that waits for our end, however it comes, and then cleans up after us.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};

use crate::error::{Attempt, Result};

/// Runs its script when it is dropped, or when this process dies.
#[derive(Debug)]
pub(crate) struct Cleaner {
    shell: Child,
    /// Its closing starts the script.
    input: Option<ChildStdin>,
}

impl Cleaner {
    /// The script of `sh` finds the arguments in `$1`, `$2` and so on.
    pub fn new<S: AsRef<OsStr>>(script: &str, arguments: impl IntoIterator<Item = S>) -> Result<Self> {
        let mut shell = Command::new("/bin/sh")
            // Reads until our end of the pipe is closed, by us or by our death.
            .args(["-c", &format!("read -r _\n{script}"), "food-orders-cleaner"])
            .args(arguments)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C is not for it.
            .process_group(0)
            .spawn()
            .attempt("starting a shell that cleans up")?;
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
