//! One of our binaries as a running process.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::time::Duration;

use local_stack::Process;
use nix::sys::signal::Signal;

use super::eventually;

/// How much of a log is printed when a test has failed.
const PRINTED_LINES: usize = 60;

/// Dropping this ends the process, and prints the end of its log if the test has failed.
pub struct Program {
    name: String,
    process: Process,
    log: PathBuf,
}

impl Program {
    pub(super) fn new(name: String, process: Process, log: PathBuf) -> Self {
        Self { name, process, log }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The number of the process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Everything that the process has printed so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Sends SIGSTOP, and waits until every thread has stopped, which takes a while when all processors are
    /// busy.
    pub async fn freeze(&self) {
        self.signal(Signal::SIGSTOP);
        let threads = format!("/proc/{}/task", self.process.id());
        eventually(&format!("{} is stopped", self.name), Duration::from_secs(10), async || {
            let mut all = fs::read_dir(&threads).unwrap().map(|thread| {
                let stat = fs::read_to_string(thread.unwrap().path().join("stat")).unwrap_or_default();
                // The state is the first field behind the name, which is in parentheses.
                stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with('T'))
            });
            all.all(|stopped| stopped).then_some(())
        })
        .await;
    }

    pub fn has_ended(&mut self) -> bool {
        self.process.try_wait().unwrap().is_some()
    }

    /// Waits until the process has ended. If a signal ended it, the exit code is 128 plus the signal's
    /// number.
    pub async fn exit_code(&mut self, limit: Duration) -> i32 {
        let process = &mut self.process;
        let status =
            eventually(&format!("{} has ended", self.name), limit, async || process.try_wait().unwrap())
                .await;
        status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
    }

    /// Sends SIGKILL, and waits until the process has ended.
    pub async fn kill(mut self) {
        self.signal(Signal::SIGKILL);
        self.exit_code(Duration::from_secs(10)).await;
    }

    /// Sends SIGTERM, waits until the process has ended, and returns its exit code.
    pub async fn terminate(mut self, limit: Duration) -> i32 {
        self.signal(Signal::SIGTERM);
        self.exit_code(limit).await
    }

    /// The peak of the process's resident memory.
    pub fn peak_memory_mib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
    }

    /// Waits until the log of the process contains a text.
    pub async fn wait_for_log(&mut self, text: &str, limit: Duration) {
        self.wait_for_line(&[text], limit).await;
    }

    /// Waits until a line of the log of the process contains all these texts.
    pub async fn wait_for_line(&mut self, texts: &[&str], limit: Duration) {
        eventually(&format!("the log of {} has a line with {texts:?}", self.name), limit, async || {
            // This comes first, because the process may log the line and end at once.
            let has_ended = self.has_ended();
            if self.log().lines().any(|line| texts.iter().all(|text| line.contains(text))) {
                return Some(());
            }
            assert!(!has_ended, "{} ended without logging {texts:?}", self.name);
            None
        })
        .await;
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<_> = log.lines().collect();
            let end = lines[lines.len().saturating_sub(PRINTED_LINES)..].join("\n");
            println!("--- the end of the log of {} ({} lines)\n{end}\n---", self.name, lines.len());
        }
    }
}
