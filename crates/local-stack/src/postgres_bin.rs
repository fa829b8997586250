//! The programs of one PostgreSQL: `postgres` and `initdb`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Attempt, Error, Result};

/// A folder with PostgreSQL's server programs.
#[derive(Debug, Clone)]
pub struct PgBin {
    folder: PathBuf,
    version: String,
    major: u32,
}

impl PgBin {
    pub fn postgres(&self) -> PathBuf {
        self.folder.join("postgres")
    }

    pub fn initdb(&self) -> PathBuf {
        self.folder.join("initdb")
    }

    /// Such as `18.4`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Data folders of different major versions do not fit each other.
    pub fn major(&self) -> u32 {
        self.major
    }
}

/// Asks `postgres --version` in that folder.
pub(crate) fn major_version(folder: &Path) -> Result<PgBin> {
    let program = folder.join("postgres");
    let output = Command::new(&program).arg("--version").output().attempt_on("running", &program)?;
    let text = String::from_utf8_lossy(&output.stdout);
    // "postgres (PostgreSQL) 18.4", "postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)", "postgres (PostgreSQL) 19beta1"
    let version = text.split_whitespace().nth(2).unwrap_or_default();
    let digits = version.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
    let major = digits
        .parse()
        .map_err(|_| Error::Usage(format!("{} --version said: {}", program.display(), text.trim())))?;
    if !folder.join("initdb").exists() {
        return Err(Error::Usage(format!("{} has no initdb", folder.display())));
    }
    Ok(PgBin { folder: folder.to_owned(), version: version.to_owned(), major })
}
