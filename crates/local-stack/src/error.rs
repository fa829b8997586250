//! What can go wrong with the servers, sorted by what the caller can do about it: install a program, choose
//! another port or folder, change a setting, or read a log.
//!
//! Every message says what happened and what to do. It contains the words of its cause, which is therefore
//! not its `source`.

mod data_folder;
mod usage;

use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

pub use data_folder::DataFolderError;
pub use usage::UsageError;

use crate::postgres_bin::PgBinError;

/// Result of everything in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// See the module.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting or an argument cannot be used.
    #[error(transparent)]
    Usage(#[from] UsageError),

    /// A data folder cannot be used.
    #[error(transparent)]
    DataFolder(#[from] DataFolderError),

    /// A program that this one runs is missing from the machine, or too old.
    #[error("{why}. Install {program}: {install}")]
    MissingProgram { program: &'static str, why: String, install: &'static str },

    /// Maven ran, and failed.
    #[error("Maven could not fetch {package} ({status}): {output}")]
    Maven { package: String, status: ExitStatus, output: String },

    /// Maven fetched a package that does not contain what it should.
    #[error("the package of {package} does not contain what it should")]
    EmptyPackage { package: String },

    /// The archive in a package could not be unpacked.
    #[error(
        "tar could not unpack {package} ({status}): {output}. It needs tar and xz: apt-get install tar xz-utils (Debian), \
         dnf install tar xz (Fedora)"
    )]
    Unpack { package: String, status: ExitStatus, output: String },

    /// The PostgreSQL in the cache does not work.
    #[error("the fetched PostgreSQL does not work: {cause}. Delete {} to fetch it again", .folder.display())]
    FetchedPostgres { folder: PathBuf, cause: PgBinError },

    /// The Java in the cache does not work.
    #[error("the fetched Java does not work. Delete {} to fetch it again", .folder.display())]
    FetchedJava { folder: PathBuf },

    /// Java ended without writing the class archive that it was asked for.
    #[error("Java wrote no class archive to {}", .file.display())]
    NoClassArchive { file: PathBuf },

    /// Another program listens on a port.
    #[error(
        "port {port}, which {server} needs, is in use{holder}. Stop that program, or choose another port with {setting}"
    )]
    PortBusy {
        server: &'static str,
        port: u16,
        /// " by postgres (pid 812)", or empty where it cannot be known.
        holder: String,
        /// The flag or variable that chooses another port.
        setting: &'static str,
    },

    /// All ports that were tried are in use.
    #[error("found no free port between {first} and {last}")]
    NoFreePort { first: u16, last: u16 },

    /// A server or a program ended before it was ready, or was not ready in time.
    #[error("{server} did not start: {cause}\n--- from {} ---\n{excerpt}", .log.display())]
    NotStarted { server: String, cause: String, log: PathBuf, excerpt: String },

    /// A server or a program ended although nobody had asked it to.
    #[error("{server} ended unexpectedly ({status})\n--- from {} ---\n{excerpt}", .log.display())]
    Ended { server: String, status: ExitStatus, log: PathBuf, excerpt: String },

    /// ZooKeeper has not noticed yet that an earlier run of the broker has ended.
    #[error(
        "ZooKeeper on port {port} still holds {node} for an earlier run of this broker after {seconds} s, and Kafka refuses to start \
         meanwhile (NodeExists). Check that no other broker uses this ZooKeeper, and try again"
    )]
    SessionOpen { port: u16, node: String, seconds: u64 },

    /// A tool needs a ZooKeeper, and the stack has none.
    #[error(
        "the stack in {} has no ZooKeeper: it runs Kafka in KRaft mode. `./food-orders up --kafka zookeeper` starts one in another \
         folder (--data-dir), and `-server HOST:PORT` asks a ZooKeeper of your own",
        .folder.display()
    )]
    NoZooKeeper { folder: PathBuf },

    /// Another `local-stack` uses the same data folder.
    #[error(
        "food-orders is already running: pid {pid}, data in {}. `./food-orders status` describes it, `./food-orders down` stops it",
        .folder.display()
    )]
    AlreadyRunning { pid: u32, folder: PathBuf },

    /// A command needs a running stack.
    #[error("nothing runs in {}: `./food-orders up` starts a stack. {otherwise}", .folder.display())]
    NothingRuns { folder: PathBuf, otherwise: &'static str },

    /// The servers of the stack are not ready yet.
    #[error("the stack in {} is still starting (pid {pid}); try again in a moment", .folder.display())]
    StillStarting { pid: u32, folder: PathBuf },

    /// A program has ended again and again.
    #[error("{program} has ended {times} times within a minute and is not started again. {last}")]
    EndsAgain { program: String, times: usize, last: Box<Error> },

    /// A running stack did not end when it was asked to.
    #[error(
        "pid {pid} is still running {seconds} s after it was asked to stop. Its logs are in {}. `kill -9 {pid}` ends it and its \
         servers immediately",
        .folder.display()
    )]
    StillRunning { pid: u32, seconds: u64, folder: PathBuf },

    /// A thread of this program panicked.
    #[error("the thread that {task} panicked; its message is printed above")]
    ThreadPanicked { task: &'static str },

    /// PostgreSQL could not be reached, or refused a statement.
    #[error("{attempt} failed: {}", with_sources(.cause))]
    Database { attempt: String, cause: tokio_postgres::Error },

    /// TLS could not be set up, for example because a certificate cannot be read.
    #[error("setting up TLS for the connection to PostgreSQL failed: {}", with_sources(.cause))]
    Tls { cause: native_tls::Error },

    /// The operating system refused something.
    #[error("{attempt} failed: {cause}")]
    Io { attempt: String, cause: io::Error },
}

/// tokio-postgres prints only the kind of an error. What the server answered is in the sources.
fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let _ = write!(text, ": {error}");
        source = error.source();
    }
    text
}

/// Adds what was attempted to an error of the operating system.
pub(crate) trait Attempt<T> {
    fn attempt(self, attempt: impl Into<String>) -> Result<T>;
    fn attempt_on(self, attempt: &str, path: &Path) -> Result<T>;
}

impl<T, E: Into<io::Error>> Attempt<T> for std::result::Result<T, E> {
    fn attempt(self, attempt: impl Into<String>) -> Result<T> {
        self.map_err(|e| Error::Io { attempt: attempt.into(), cause: e.into() })
    }

    fn attempt_on(self, attempt: &str, path: &Path) -> Result<T> {
        self.attempt(format!("{attempt} {}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_database_error_contains_the_words_of_its_cause_and_has_no_source() {
        // Nobody listens on port 1.
        let url = "postgres://u@127.0.0.1:1/d";
        let cause = tokio_postgres::connect(url, tokio_postgres::NoTls).await.err().unwrap();
        let error = Error::Database { attempt: "connecting".to_owned(), cause };
        assert!(error.to_string().contains("refused"), "{error}");
        assert!(std::error::Error::source(&error).is_none());
    }
}
