//! Starts a real Apache Kafka, a real PostgreSQL and a real schema registry as child processes: for `./food-orders`, and
//! for tests, which also stop, kill and freeze them. Fetches them with Maven. Linux only.
//!
//! The library knows nothing of orders, topics or tables; only the command line of the program does. Its calls
//! block for seconds and are meant for tests and command line programs; only [`TestServers`] is async. The servers end with this process, however it
//! ends.
//!
//! ```no_run
//! # async fn example() -> local_stack::Result<()> {
//! let servers = local_stack::TestServers::shared().await?;
//! let database_url = servers.fresh_database().await?;
//! let topic = servers.fresh_topic_name();
//! # Ok(()) }
//! ```

mod account;
mod class_archive;
mod cleaner;
pub mod cli;
#[cfg(feature = "docker")]
mod containers;
mod downloads;
mod error;
mod java;
mod kafka;
mod kafka_mode;
mod ports;
mod postgres;
mod postgres_bin;
mod process;
mod registry;
mod scratch;
mod server;
mod spawn;
mod sql;
mod start_both;
mod test_servers;

pub use downloads::{
    APICURIO_VERSION, CACHE_VARIABLE, Downloads, KAFKA_VERSION, PG_BIN_VARIABLE, POSTGRES_VERSION,
    RegistryDownloads, ZOOKEEPER_MODE_KAFKA_VERSION, ZOOKEEPER_VERSION,
};
pub use error::{DataFolderError, Error, Result, UsageError};
pub use kafka::{Kafka, KafkaCluster, KafkaOptions, ZooKeeper};
pub use kafka_mode::{KafkaMode, MODE_VARIABLE};
pub use ports::{free_port, require_free};
pub use postgres::{Postgres, PostgresOptions};
pub use postgres_bin::{PgBin, PgBinError};
pub use process::Process;
pub use registry::{Registry, RegistryOptions};
pub use scratch::Scratch;
pub use sql::sql_client;
pub use test_servers::{DATABASE_VARIABLE, KAFKA_VARIABLE, TestServers, with_database};
