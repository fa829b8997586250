//! What can go wrong with the servers, sorted by what the caller can do about it: install something, choose another port or
//! folder, or read the log. Every message names the cause and the way out.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

/// Result of everything in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// See the module.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A program of the machine is not there.
    #[error("{program} is missing: {why}. Install it: {install}")]
    MissingProgram { program: &'static str, why: String, install: &'static str },

    /// Maven could not bring the servers.
    #[error("could not fetch {what}: {cause}")]
    Download { what: String, cause: String },

    /// Someone listens there already.
    #[error(
        "port {port} for {server} is in use{holder}: end that program, or choose another port with {setting}"
    )]
    PortBusy {
        server: &'static str,
        port: u16,
        /// " (by postgres, pid 812)", or nothing where it cannot be known.
        holder: String,
        /// The flag or variable that chooses another port.
        setting: &'static str,
    },

    /// The data folder cannot be used as it is.
    #[error("the data folder of {server}, {}: {cause}", .folder.display())]
    DataFolder { server: &'static str, folder: PathBuf, cause: String },

    /// It ended before it was ready, or was not ready in time.
    #[error("{server} did not start: {cause}\n--- from {} ---\n{excerpt}", .log.display())]
    NotStarted { server: String, cause: String, log: PathBuf, excerpt: String },

    /// It was running, and ended without being asked to.
    #[error("{server} ended by itself ({status})\n--- from {} ---\n{excerpt}", .log.display())]
    Ended { server: String, status: ExitStatus, log: PathBuf, excerpt: String },

    /// Another `local-stack` works on the same folder.
    #[error("it is running already: pid {pid}, data in {}. `./food-orders status` shows it, `./food-orders down` stops it", .folder.display())]
    AlreadyRunning { pid: u32, folder: PathBuf },

    /// The database refused a statement of ours.
    #[error("{what}: {source}")]
    Database { what: String, source: tokio_postgres::Error },

    /// A setting or flag that cannot be used.
    #[error("{0}")]
    Usage(String),

    /// The system refused something.
    #[error("{what}: {source}")]
    Io { what: String, source: io::Error },
}

/// Adds what was attempted to an error of the system.
pub(crate) trait Attempt<T> {
    fn attempt(self, what: impl Into<String>) -> Result<T>;
    fn attempt_on(self, what: &str, path: &Path) -> Result<T>;
}

impl<T, E: Into<io::Error>> Attempt<T> for std::result::Result<T, E> {
    fn attempt(self, what: impl Into<String>) -> Result<T> {
        self.map_err(|e| Error::Io { what: what.into(), source: e.into() })
    }

    fn attempt_on(self, what: &str, path: &Path) -> Result<T> {
        self.attempt(format!("{what} {}", path.display()))
    }
}
