//! `down` stops a running stack; `reset` also deletes its data.

use std::fs;
use std::io::{BufRead, IsTerminal, Write};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::args::Folder;
use super::folder::DataFolder;
use crate::error::{Attempt, Error, Result, UsageError};

/// The services drain for up to 25 s, and then the servers end.
const STOP_LIMIT: Duration = Duration::from_secs(90);

pub fn down(folder: &Folder) -> Result<ExitCode> {
    let folder = DataFolder::new(&folder.path)?;
    match folder.running() {
        Some(pid) => stop(&folder, pid)?,
        None => output::say!("Nothing is running in {}.", folder.path().display()),
    }
    Ok(ExitCode::SUCCESS)
}

fn stop(folder: &DataFolder, pid: u32) -> Result<()> {
    output::say!("Stopping (pid {pid}) ...");
    kill(Pid::from_raw(pid.cast_signed()), Signal::SIGTERM).attempt(format!("stopping pid {pid}"))?;
    let deadline = Instant::now() + STOP_LIMIT;
    while folder.running().is_some() {
        if Instant::now() > deadline {
            let folder = folder.path().to_owned();
            return Err(Error::StillRunning { pid, seconds: STOP_LIMIT.as_secs(), folder });
        }
        thread::sleep(Duration::from_millis(50));
    }
    output::say!("Stopped. The data is kept in {}.", folder.path().display());
    Ok(())
}

pub fn reset(folder: &Folder, yes: bool) -> Result<ExitCode> {
    let folder = DataFolder::new(&folder.path)?;
    let existing: Vec<_> = [folder.path().to_owned(), folder.postgres_fallback()]
        .into_iter()
        .filter(|path| path.exists())
        .collect();
    if existing.is_empty() {
        output::say!("There is no data in {}.", folder.path().display());
        return Ok(ExitCode::SUCCESS);
    }
    // A mistyped --data-dir must not delete somebody's files.
    let known = ["kafka", "postgres", "logs", "stack.lock"];
    if existing[0] == folder.path() && !known.iter().any(|name| folder.path().join(name).exists()) {
        return Err(UsageError::NothingToReset { folder: folder.path().to_owned() }.into());
    }
    let names: Vec<String> = existing.iter().map(|path| path.display().to_string()).collect();
    if !yes && !confirmed(&names.join(" and "))? {
        output::say!("Nothing was deleted.");
        return Ok(ExitCode::FAILURE);
    }
    if let Some(pid) = folder.running() {
        stop(&folder, pid)?;
    }
    for path in &existing {
        fs::remove_dir_all(path).attempt_on("deleting", path)?;
    }
    output::say!("Deleted {}.", names.join(" and "));
    Ok(ExitCode::SUCCESS)
}

fn confirmed(folders: &str) -> Result<bool> {
    if !std::io::stdin().is_terminal() {
        return Err(UsageError::NotConfirmed { folders: folders.to_owned() }.into());
    }
    let mut question = std::io::stdout();
    write!(question, "Delete {folders}, including Kafka's log? [y/N] ").attempt("asking for confirmation")?;
    question.flush().attempt("asking for confirmation")?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).attempt("reading the answer")?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
