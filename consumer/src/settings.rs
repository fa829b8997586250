//! What the consumer can be told.

use std::net::SocketAddr;

use clap::Parser;
use event_log::{ChunkLimits, KafkaSettings};
use service::settings::{
    DatabaseArgs, GroupArgs, GroupId, Invalid, KafkaArgs, MetricsArgs, ShellArgs, whole_number,
};
use views::Database;
use views::apply::Codec;
use views::lane::SynchronousCommit;

use crate::cli::Command;

/// Applies the order events of a Kafka topic to PostgreSQL tables.
///
/// Rows and positions commit in one transaction; Kafka's group offset follows it as a
/// hint for lag tools. Start as many as there are partitions to share the work.
///
/// With a command it joins no group: it shows dead letters, or decides about them, and
/// ends. Flags of this page come before the command.
#[derive(Parser, Debug)]
#[command(name = "consumer", version)]
pub struct Args {
    #[command(subcommand)]
    pub command: Option<Command>,

    #[command(flatten)]
    pub kafka: KafkaArgs,
    #[command(flatten)]
    pub group: GroupArgs,
    #[command(flatten)]
    pub database: DatabaseArgs,
    #[command(flatten)]
    pub metrics: MetricsArgs,
    #[command(flatten)]
    pub shell: ShellArgs,

    /// End with 0 once the end offsets seen at the start are applied, by whichever
    /// member of the group
    #[arg(long)]
    pub until_caught_up: bool,

    /// Database connections that write at the same time, 1 to 16; partition p goes to
    /// connection p modulo this
    #[arg(long, env = "LANES", value_name = "N", default_value = "2")]
    pub lanes: String,

    /// Most records in one transaction, 1 to 1000000; when idle one record is a batch
    #[arg(long, env = "BATCH_RECORDS", value_name = "N", default_value = "20000")]
    pub batch_records: String,

    /// Records with a larger value become dead letters, in bytes; a retry may be given more
    #[arg(long, env = "MAX_RECORD_BYTES", value_name = "BYTES", default_value = "1000000")]
    pub max_record_bytes: String,

    /// on: a commit waits for the disk. off: a crash of the database loses the last
    /// moments, which are read from the log again
    #[arg(long, env = "SYNCHRONOUS_COMMIT", value_name = "on|off", default_value = "off")]
    pub synchronous_commit: String,
}

/// The same, valid.
#[derive(Debug)]
pub struct Settings {
    pub kafka: KafkaSettings,
    pub group: GroupId,
    pub database: Database,
    pub metrics_listen: Option<SocketAddr>,
    pub until_caught_up: bool,
    pub lanes: usize,
    pub limits: ChunkLimits,
    pub codec: Codec,
    pub synchronous_commit: SynchronousCommit,
}

impl Args {
    pub fn validate(&self) -> Result<Settings, service::Failure> {
        let kafka = self.kafka.validate()?;
        let database = self.database.validate()?;
        let certificate = database.read_root_certificate()?;
        let database = Database::parse(&database.url, certificate.as_deref())
            .map_err(service::Failure::with(service::Exit::Usage))?;
        let records = whole_number("BATCH_RECORDS", &self.batch_records, 1, 1_000_000)? as usize;
        let max_record_bytes =
            whole_number("MAX_RECORD_BYTES", &self.max_record_bytes, 1, 100_000_000)? as usize;
        Ok(Settings {
            codec: Codec { topic: kafka.topic.clone(), max_record_bytes },
            kafka: KafkaSettings {
                bootstrap_servers: kafka.bootstrap_servers,
                topic: kafka.topic,
                properties: kafka.properties,
            },
            group: self.group.validate()?,
            database,
            metrics_listen: self.metrics.validate()?,
            until_caught_up: self.until_caught_up,
            lanes: whole_number("LANES", &self.lanes, 1, 16)? as usize,
            limits: ChunkLimits { records, ..ChunkLimits::default() },
            synchronous_commit: match self.synchronous_commit.trim() {
                "on" => SynchronousCommit::On,
                "off" => SynchronousCommit::Off,
                other => {
                    return Err(
                        Invalid::new("SYNCHRONOUS_COMMIT", format!("is {other:?}; it is on or off")).into()
                    );
                }
            },
        })
    }
}
