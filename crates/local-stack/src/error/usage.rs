//! Settings and arguments that cannot be used. The program ends with exit code 2.

use std::path::PathBuf;

use crate::postgres_bin::PgBinError;

/// See the module.
#[derive(Debug, thiserror::Error)]
pub enum UsageError {
    /// One of the two servers to test against was named, the other was not.
    #[error(
        "{given} is set and {missing} is not. Set both to test against running servers, or neither to start some"
    )]
    OnlyOneServer { given: &'static str, missing: &'static str },

    /// `FOOD_ORDERS_PG_BIN` names a folder without a working PostgreSQL.
    #[error(
        "FOOD_ORDERS_PG_BIN={} cannot be used: {cause}. It has to be a folder with `postgres` and `initdb`, such as \
         /usr/lib/postgresql/18/bin",
        .folder.display()
    )]
    PgBin { folder: PathBuf, cause: PgBinError },

    /// No PostgreSQL is published for this processor.
    #[error(
        "there is no PostgreSQL to fetch for {arch}. Install one, and set FOOD_ORDERS_PG_BIN to its `bin` folder"
    )]
    NoPostgresFor { arch: &'static str },

    /// PostgreSQL refuses to run as root, and the machine has no other account for it.
    #[error(
        "PostgreSQL refuses to run as root, and this machine has neither a user `postgres` nor a user `nobody` to run it. Add one \
         (useradd --system postgres), or start this program as an ordinary user"
    )]
    NoAccount,

    /// Somebody else could replace the programs in the cache folder.
    #[error(
        "the cache folder {} belongs to {owner} or can be written by everyone, and programs are run from it. Set \
         FOOD_ORDERS_CACHE to a folder of your own",
        .folder.display()
    )]
    UnsafeCache { folder: PathBuf, owner: String },

    /// The account that PostgreSQL runs under cannot enter the cache folder.
    #[error(
        "FOOD_ORDERS_CACHE={} cannot be used: PostgreSQL runs as the user {user}, who cannot enter that folder. Choose another one",
        .folder.display()
    )]
    CacheNotAccessible { folder: PathBuf, user: String },

    /// `kafka` was asked for a tool that does not exist.
    #[error("Kafka has no tool `{tool}`. Its tools are: {tools}")]
    UnknownTool { tool: String, tools: String },

    /// `exec` was given no command.
    #[error("exec needs a command: exec [FLAGS] -- COMMAND [ARGUMENTS]")]
    NoCommand,

    /// A setting for one of the servers is not of the form NAME=VALUE.
    #[error("expected NAME=VALUE")]
    NotASetting,

    /// A cluster of this size has no use, or is not tested.
    #[error("expected 1, 3 or 5")]
    NotANumberOfBrokers,

    /// Only KRaft mode forms clusters here.
    #[error(
        "--kafka zookeeper runs one broker, and --brokers {brokers} was asked for. Leave out one of the two flags"
    )]
    BrokersInZooKeeperMode { brokers: u16 },

    /// The environment names a mode that Kafka does not have.
    #[error("{variable}={given} cannot be used: expected kraft or zookeeper")]
    NotAMode { variable: &'static str, given: String },

    /// `up` found one of its programs missing.
    #[error(
        "{} has not been built. `./food-orders up` builds it, and so does: cargo build --release --locked -p {program}",
        .path.display()
    )]
    NotBuilt { program: String, path: PathBuf },

    /// `reset` was asked to delete a folder that holds something else.
    #[error("{} is not a data folder of food-orders, so nothing was deleted. Check --data-dir", .folder.display())]
    NothingToReset { folder: PathBuf },

    /// `reset` cannot ask, because nobody is at a terminal.
    #[error("this would delete {folders}, including Kafka's log. Add --yes to confirm")]
    NotConfirmed { folders: String },
}
