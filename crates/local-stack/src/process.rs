//! One running child process: signals, waiting for its end, its descendants.

use std::io;
use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;

use crate::spawn::{Launch, spawn};

/// A child process. Dropping this ends it.
#[derive(Debug)]
pub struct Process {
    child: Child,
}

impl Process {
    /// Starts a command. The kernel kills it when this process dies, however that happens.
    pub fn start(command: Command) -> io::Result<Self> {
        spawn(Launch { command, death_signal: Signal::SIGKILL, lock: None, own_group: false }).map(Self::new)
    }

    pub(crate) fn new(child: Child) -> Self {
        Self { child }
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The exit status, if the process has ended.
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Sends a signal to this process alone. That is harmless after its end: its id stays reserved until it
    /// is waited for.
    pub fn signal(&self, signal: Signal) {
        let _ = signal::kill(self.pid(), signal);
    }

    /// Sends a signal to this process and all its descendants, whichever process groups they are in.
    pub fn signal_all(&self, signal: Signal) {
        for pid in descendants(self.id()) {
            let _ = signal::kill(Pid::from_raw(pid.cast_signed()), signal);
        }
        self.signal(signal);
    }

    /// Waits until the process has ended, at most for `limit`.
    pub fn wait_for(&mut self, limit: Duration) -> io::Result<Option<ExitStatus>> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(Some(status));
            }
            if Instant::now() >= deadline {
                return Ok(None);
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Sends `signal`, wakes the process if it is frozen, and kills it with all its descendants if it still
    /// runs after `limit`. Returns whether it ended without being killed.
    pub fn end(&mut self, signal: Signal, limit: Duration) -> io::Result<bool> {
        if self.child.try_wait()?.is_some() {
            return Ok(true);
        }
        self.signal(signal);
        self.signal_all(Signal::SIGCONT);
        if self.wait_for(limit)?.is_some() {
            return Ok(true);
        }
        self.kill()?;
        Ok(false)
    }

    /// Sends SIGKILL to the process and all its descendants.
    pub fn kill(&mut self) -> io::Result<()> {
        self.signal_all(Signal::SIGKILL);
        self.child.wait().map(drop)
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.end(Signal::SIGTERM, Duration::from_secs(10));
    }
}

/// All processes of this machine.
pub(crate) fn all_pids() -> impl Iterator<Item = u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// The processes that descend from this one, parents before their children.
fn descendants(root: u32) -> Vec<u32> {
    let parents: Vec<(u32, u32)> = all_pids().filter_map(|pid| Some((pid, parent_of(pid)?))).collect();
    let mut found = vec![root];
    let mut next = 0;
    while next < found.len() {
        let parent = found[next];
        found.extend(parents.iter().filter(|(_, p)| *p == parent).map(|(pid, _)| *pid));
        next += 1;
    }
    found.split_off(1)
}

/// Field 4 of /proc/PID/stat.
fn parent_of(pid: u32) -> Option<u32> {
    stat_fields(pid)?.split_whitespace().nth(1)?.parse().ok()
}

/// When a process was started, in the kernel's ticks since boot. Pids are used again; a pid with a start time
/// is unique.
pub(crate) fn start_time(pid: u32) -> Option<u64> {
    stat_fields(pid)?.split_whitespace().nth(19)?.parse().ok()
}

/// Whether a process is stopped (SIGSTOP).
pub(crate) fn is_stopped(pid: u32) -> bool {
    stat_fields(pid).is_some_and(|fields| fields.trim_start().starts_with('T'))
}

/// The fields of /proc/PID/stat from the state on. The name before them is in parentheses, and may contain
/// parentheses itself.
fn stat_fields(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    Some(fields.to_owned())
}
