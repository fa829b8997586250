//! `psql` runs the installed psql on the running database. The fetched PostgreSQL does not include it.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use super::args::Folder;
use super::folder::DataFolder;
use crate::error::{Error, Result};
use crate::postgres::{DATABASE, PASSWORD, USER};

pub fn psql(folder: &Folder, arguments: &[OsString]) -> Result<ExitCode> {
    // `exec` returns only if it fails.
    let error = Command::new("psql").arg("--dbname").arg(url(folder)?).args(arguments).exec();
    Err(Error::MissingProgram {
        program: "psql",
        why: format!("`psql` cannot be run ({error}), and the fetched PostgreSQL does not include it"),
        install: "apt-get install postgresql-client (Debian), dnf install postgresql (Fedora)",
    })
}

/// From the environment, or else of the running stack, or else the URL that a stack has by default.
fn url(folder: &Folder) -> Result<String> {
    if let Some(url) = std::env::var("DATABASE_URL").ok().filter(|url| !url.is_empty()) {
        return Ok(url);
    }
    Ok(match DataFolder::new(&folder.path)?.state() {
        Some(state) => state.postgres.address,
        None => format!("postgres://{USER}:{PASSWORD}@localhost:5432/{DATABASE}"),
    })
}
