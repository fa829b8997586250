//! Why a data folder cannot be used.

use std::path::PathBuf;
use std::process::ExitStatus;

/// See the module.
#[derive(Debug, thiserror::Error)]
pub enum DataFolderError {
    /// Another server holds the folder's lock.
    #[error(
        "{server} cannot use {}: another server is running in this folder. Stop that one (`./food-orders down`), or choose \
         another folder",
        .folder.display()
    )]
    InUse { server: String, folder: PathBuf },

    /// Another user created the folder.
    #[error(
        "{server} cannot use {}: the folder belongs to {owner}, and this program runs as {user}. Run it as {owner}, or choose \
         another folder",
        .folder.display()
    )]
    OtherOwner { server: &'static str, folder: PathBuf, owner: String, user: String },

    /// The account that PostgreSQL runs under cannot enter the folder.
    #[error(
        "PostgreSQL refuses to run as root, so it is started as the user {user}, who cannot enter {}. Choose a folder outside of \
         root's home",
        .folder.display()
    )]
    NotAccessible { folder: PathBuf, user: String },

    /// The folder exists and holds something else.
    #[error(
        "{} is not a data folder of {server}: it contains no {missing}. Move it away, or delete all data with \
         `./food-orders reset`",
        .folder.display()
    )]
    Foreign { server: &'static str, folder: PathBuf, missing: &'static str },

    /// Another major version of PostgreSQL created the folder.
    #[error(
        "{} was created by PostgreSQL {found}, and this is PostgreSQL {running}. Set FOOD_ORDERS_PG_BIN to the `bin` folder of \
         PostgreSQL {found}, or move the folder away: the consumer then fills new tables from the log, without the decisions \
         about dead letters",
        .folder.display()
    )]
    OtherVersion { folder: PathBuf, found: String, running: u32 },

    /// Kafka's data was made with another number of brokers.
    #[error(
        "{} holds data that was made with --brokers {found}, and --brokers {wanted} was asked for. Start with --brokers {found}, \
         or delete all data with `./food-orders reset`",
        .folder.display()
    )]
    OtherBrokerCount { folder: PathBuf, found: u16, wanted: u16 },

    /// Kafka's data was made in another mode. Neither release can read what the other one keeps.
    #[error(
        "{} holds data that was made with --kafka {found}, and --kafka {wanted} was asked for. Start with --kafka {found}, choose \
         another folder with --data-dir, or delete all data with `./food-orders reset`",
        .folder.display()
    )]
    OtherMode { folder: PathBuf, found: &'static str, wanted: &'static str },

    /// The server's own tool could not create the data.
    #[error("creating the data of {server} in {} failed: {tool} ended with {status}: {output}", .folder.display())]
    NotCreated {
        server: &'static str,
        folder: PathBuf,
        tool: &'static str,
        status: ExitStatus,
        output: String,
    },
}
