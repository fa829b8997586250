//! Creates a new cluster with its one database.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::{DATABASE, NAME, PASSWORD, USER};
use crate::account::Account;
use crate::error::{Attempt, DataFolderError, Error, Result};
use crate::postgres_bin::PgBin;

/// Under another name that is then changed, so that an interrupted start leaves no half-made data folder.
pub(super) fn create_cluster(account: &Account, bin: &PgBin, folder: &Path, data: &Path) -> Result<()> {
    let unfinished = folder.join("data.unfinished");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).attempt_on("removing", &unfinished)?;
    }
    account.make_private_folder(&unfinished)?;
    run_initdb(account, bin, folder, &unfinished)?;
    create_database(account, bin, &unfinished)?;
    nix::unistd::sync();
    fs::rename(&unfinished, data).attempt_on("creating", data)
}

fn run_initdb(account: &Account, bin: &PgBin, folder: &Path, data: &Path) -> Result<()> {
    let mut password = tempfile::NamedTempFile::new_in(folder).attempt_on("writing in", folder)?;
    writeln!(password, "{PASSWORD}").attempt("writing the password file")?;
    account.take_over(password.path())?;
    let mut initdb = Command::new(bin.initdb());
    initdb
        .arg("--pgdata")
        .arg(data)
        .arg("--pwfile")
        .arg(password.path())
        .args(["--username", USER, "--auth", "scram-sha-256"])
        // The C locale sorts alike on every machine, and is the fastest.
        .args(["--encoding", "UTF8", "--locale", "C"])
        // The file system is synced once, before the folder gets its name: one lost in a power cut is made
        // again.
        .arg("--no-sync")
        .current_dir("/");
    account.apply(&mut initdb);
    let output = initdb.stdin(Stdio::null()).output().attempt("running initdb")?;
    if output.status.success() { Ok(()) } else { Err(not_created(data, "initdb", &output)) }
}

/// In PostgreSQL's single-user mode, which needs neither a port nor a client.
fn create_database(account: &Account, bin: &PgBin, data: &Path) -> Result<()> {
    const ATTEMPT: &str = "running PostgreSQL in single-user mode";
    let mut command = Command::new(bin.postgres());
    command
        .args(["--single", "-D"])
        .arg(data)
        .args(["-c", "fsync=off", "template1"])
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    account.apply(&mut command);
    let mut child = command.spawn().attempt(ATTEMPT)?;
    if let Some(mut stdin) = child.stdin.take() {
        writeln!(stdin, "CREATE DATABASE {DATABASE}").attempt(ATTEMPT)?;
    }
    let output = child.wait_with_output().attempt(ATTEMPT)?;
    // Single-user mode continues after an error and ends with 0.
    if !output.status.success() || String::from_utf8_lossy(&output.stderr).contains("ERROR:") {
        return Err(not_created(data, "CREATE DATABASE in single-user mode", &output));
    }
    Ok(())
}

fn not_created(folder: &Path, tool: &'static str, output: &Output) -> Error {
    let printed = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    DataFolderError::NotCreated {
        server: NAME,
        folder: folder.to_owned(),
        tool,
        status: output.status,
        output: printed,
    }
    .into()
}
