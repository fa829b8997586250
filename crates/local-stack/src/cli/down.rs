//! `down` and `reset`: stops a running stack, and deletes its data.

use std::fs;
use std::io::{BufRead, IsTerminal, Write};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::args::Folder;
use super::folder::DataFolder;
use crate::error::{Attempt, Error, Result};

/// The services drain for up to 25 s, the servers end after that.
const LIMIT: Duration = Duration::from_secs(90);

pub fn down(folder: &Folder) -> Result<ExitCode> {
    let folder = DataFolder::new(&folder.path)?;
    match folder.running() {
        Some(pid) => stop(&folder, pid)?,
        None => println!("Nothing is running in {}", folder.path().display()),
    }
    Ok(ExitCode::SUCCESS)
}

fn stop(folder: &DataFolder, pid: u32) -> Result<()> {
    println!("Stopping (pid {pid}) ...");
    kill(Pid::from_raw(pid.cast_signed()), Signal::SIGTERM).attempt(format!("stopping pid {pid}"))?;
    let deadline = Instant::now() + LIMIT;
    while folder.running().is_some() {
        if Instant::now() > deadline {
            return Err(Error::Usage(format!(
                "pid {pid} has not ended after {} s. Its logs are in {}; `kill -9 {pid}` ends it and its servers at once",
                LIMIT.as_secs(),
                folder.path().display()
            )));
        }
        thread::sleep(Duration::from_millis(50));
    }
    println!("Stopped. The data stays in {}", folder.path().display());
    Ok(())
}

pub fn reset(folder: &Folder, yes: bool) -> Result<ExitCode> {
    let folder = DataFolder::new(&folder.path)?;
    let existing: Vec<_> =
        [folder.path().to_owned(), folder.elsewhere()].into_iter().filter(|path| path.exists()).collect();
    if existing.is_empty() {
        println!("There is no data in {}", folder.path().display());
        return Ok(ExitCode::SUCCESS);
    }
    // A wrong --data-dir must not cost someone their files.
    let known = ["kafka", "postgres", "logs", "stack.lock"];
    if existing[0] == folder.path() && !known.iter().any(|name| folder.path().join(name).exists()) {
        return Err(Error::Usage(format!("{} is no data folder of food-orders", folder.path().display())));
    }
    let names: Vec<String> = existing.iter().map(|path| path.display().to_string()).collect();
    if !yes && !confirmed(&names.join(" and "))? {
        println!("Nothing was deleted.");
        return Ok(ExitCode::FAILURE);
    }
    if let Some(pid) = folder.running() {
        stop(&folder, pid)?;
    }
    for path in &existing {
        fs::remove_dir_all(path).attempt_on("deleting", path)?;
    }
    println!("Deleted {}", names.join(" and "));
    Ok(ExitCode::SUCCESS)
}

fn confirmed(what: &str) -> Result<bool> {
    if !std::io::stdin().is_terminal() {
        return Err(Error::Usage(format!("this would delete {what}, Kafka's log with it: add --yes")));
    }
    print!("Delete {what}, Kafka's log with it? [y/N] ");
    std::io::stdout().flush().attempt("asking")?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).attempt("reading the answer")?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
