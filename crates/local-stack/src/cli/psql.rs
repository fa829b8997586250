//! `psql` runs the installed psql on the running database. The fetched PostgreSQL does not include it.

use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use super::args::{Folder, Passed};
use super::folder::DataFolder;
use crate::error::{Error, Result};

pub fn psql(passed: &Passed) -> Result<ExitCode> {
    let mut command = Command::new("psql");
    if !passed.asks_for_help(&["-?", "-V"]) {
        command.arg("--dbname").arg(url(&passed.folder)?);
    }
    // `exec` returns only if it fails.
    let error = command.args(&passed.arguments).exec();
    Err(Error::MissingProgram {
        program: "psql",
        why: format!("`psql` cannot be run ({error}), and the fetched PostgreSQL does not include it"),
        install: "apt-get install postgresql-client (Debian), dnf install postgresql (Fedora)",
    })
}

/// Taken from the environment, or else from the running stack.
fn url(folder: &Folder) -> Result<String> {
    if let Some(url) = std::env::var("DATABASE_URL").ok().filter(|url| !url.is_empty()) {
        return Ok(url);
    }
    let otherwise = "To open a database of your own, set DATABASE_URL";
    Ok(DataFolder::new(&folder.path)?.require_state(otherwise)?.postgres.address)
}
