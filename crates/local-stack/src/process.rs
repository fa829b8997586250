//! One running child: signals, waiting, its descendants.

use std::io;
use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;

use crate::spawn::{Launch, spawn};

/// A child process that is ended when this is dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
}

impl Process {
    /// Starts a command that is killed when this process dies, however it dies.
    pub fn start(command: Command) -> io::Result<Self> {
        spawn(Launch { command, death_signal: Signal::SIGKILL, lock: None, own_group: false }).map(Self::new)
    }

    pub(crate) fn new(child: Child) -> Self {
        Self { child }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its exit status, if it has ended.
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Sends a signal to it alone. A child that has ended, and was not waited for, takes it without harm.
    pub fn signal(&self, signal: Signal) {
        let _ = signal::kill(self.pid(), signal);
    }

    /// Sends a signal to it and to everything it has started, whichever process groups those made for themselves.
    pub fn signal_all(&self, signal: Signal) {
        for pid in descendants(self.id()) {
            let _ = signal::kill(Pid::from_raw(pid.cast_signed()), signal);
        }
        self.signal(signal);
    }

    /// Waits until it has ended, at most this long.
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

    /// Asks it to end, wakes it if it is frozen, and kills it with all it has started when the limit has passed. Says whether it
    /// ended by itself.
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

    /// SIGKILL to it and to all it has started.
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

/// The processes that descend from this one, children first.
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

/// Field 4 of /proc/PID/stat. The name before it is in parentheses and may hold anything, parentheses too.
fn parent_of(pid: u32) -> Option<u32> {
    stat_fields(pid)?.split_whitespace().nth(1)?.parse().ok()
}

/// When it was started, in the kernel's ticks since boot: with the pid, it names a process for good.
pub(crate) fn start_time(pid: u32) -> Option<u64> {
    stat_fields(pid)?.split_whitespace().nth(19)?.parse().ok()
}

/// The fields of /proc/PID/stat from the state on.
fn stat_fields(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    Some(fields.to_owned())
}
