//! The programs of one PostgreSQL: `postgres` and `initdb`.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder with PostgreSQL's server programs.
#[derive(Debug, Clone)]
pub struct PgBin {
    folder: PathBuf,
    version: String,
    major: u32,
}

/// Why a folder cannot serve as a [`PgBin`].
#[derive(Debug, thiserror::Error)]
pub enum PgBinError {
    #[error("{} cannot be run: {cause}", .program.display())]
    NotRunnable { program: PathBuf, cause: io::Error },
    #[error("{} --version printed no version: {printed}", .program.display())]
    NoVersion { program: PathBuf, printed: String },
    #[error("{} contains no initdb", .folder.display())]
    NoInitdb { folder: PathBuf },
}

impl PgBin {
    /// Asks the `postgres` of this folder for its version.
    pub(crate) fn find(folder: &Path) -> Result<Self, PgBinError> {
        let program = folder.join("postgres");
        let output = match Command::new(&program).arg("--version").output() {
            Ok(output) => output,
            Err(cause) => return Err(PgBinError::NotRunnable { program, cause }),
        };
        let text = String::from_utf8_lossy(&output.stdout);
        // "postgres (PostgreSQL) 18.4", "postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)", "postgres
        // (PostgreSQL) 19beta1"
        let version = text.split_whitespace().nth(2).unwrap_or_default();
        let digits = version.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
        let Ok(major) = digits.parse() else {
            return Err(PgBinError::NoVersion { program, printed: text.trim().to_owned() });
        };
        if !folder.join("initdb").exists() {
            return Err(PgBinError::NoInitdb { folder: folder.to_owned() });
        }
        Ok(Self { folder: folder.to_owned(), version: version.to_owned(), major })
    }

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

    /// A data folder can be used only by the major version that created it.
    pub fn major(&self) -> u32 {
        self.major
    }
}
