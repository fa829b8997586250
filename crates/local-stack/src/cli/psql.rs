//! `psql`: the installed psql, on the right database. The fetched PostgreSQL has none.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use super::args::Folder;
use super::folder::DataFolder;
use crate::error::{Error, Result};
use crate::postgres::{DATABASE, PASSWORD, USER};

pub fn psql(folder: &Folder, arguments: &[OsString]) -> Result<ExitCode> {
    // Returns only if it fails.
    let error = Command::new("psql").arg("--dbname").arg(url(folder)?).args(arguments).exec();
    Err(Error::MissingProgram {
        program: "psql",
        why: format!("it is not part of the PostgreSQL that is fetched ({error})"),
        install: "apt-get install postgresql-client (Debian), dnf install postgresql (Fedora)",
    })
}

/// What the environment says, else the running stack, else what it would be.
fn url(folder: &Folder) -> Result<String> {
    if let Some(url) = std::env::var("DATABASE_URL").ok().filter(|url| !url.is_empty()) {
        return Ok(url);
    }
    Ok(match DataFolder::new(&folder.path)?.state() {
        Some(state) => state.postgres.address,
        None => format!("postgres://{USER}:{PASSWORD}@localhost:5432/{DATABASE}"),
    })
}
