//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

/// Measures how fast a backlog of order events gets from Kafka into PostgreSQL, beside the limits of both
/// and beside consumers as they are usually written.
///
/// `./food-orders bench` runs it with fresh servers of its own. The producer writes a backlog once; then
/// the steps are repeated in turn (A B C A B C ...), each into a fresh database, after a CHECKPOINT. A first
/// drain is not counted: it warms up, and its rows are what `copy` writes. The table goes to standard output,
/// progress to standard error.
#[derive(Debug, Parser)]
#[command(name = "bench", version, args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub options: Options,
}

#[derive(Debug, clap::Args)]
pub struct Options {
    /// Events in the backlog; each order has four
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(4..))]
    pub events: u64,

    /// How often each step is measured
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub repeat: u32,

    /// Only these steps, in this order
    #[arg(long, value_name = "STEP,...", value_delimiter = ',')]
    pub only: Vec<Step>,

    /// Write all measurements, the machine, versions and settings to this file
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,

    /// How long the row-by-row consumers and the latencies are measured, in seconds; each kind of read half as long
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    pub sample_seconds: u64,

    /// Orders under way at a time while the backlog is written; the more, the farther apart an order's events
    #[arg(long, value_name = "ORDERS", default_value_t = 5000)]
    pub in_flight: u64,

    /// Partitions of the topic
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(i32).range(1..=1000))]
    pub partitions: i32,

    /// Consumers that drain the backlog together, in one group
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=50))]
    pub consumers: u16,

    /// One more argument for the consumer, such as --consumer-arg=--lanes=1. Can be given several times
    #[arg(long, value_name = "ARGUMENT", allow_hyphen_values = true)]
    pub consumer_arg: Vec<OsString>,

    /// Folder of the programs `producer` and `consumer`; if not given, that of this one
    #[arg(long, value_name = "FOLDER")]
    pub programs: Option<PathBuf>,

    /// Kafka brokers, reached without TLS or SASL
    #[arg(long, env = "KAFKA_BOOTSTRAP_SERVERS", value_name = "SERVERS", default_value = "localhost:9092")]
    pub kafka_bootstrap_servers: String,

    /// PostgreSQL; its user must be allowed to create databases
    #[arg(
        long,
        env = "DATABASE_URL",
        hide_env_values = true,
        hide_default_value = true,
        value_name = "URL",
        default_value = "postgres://kafka_user:kafka_password@localhost:5432/food_orders"
    )]
    pub database_url: String,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Step {
    /// Bare reading of the topic by librdkafka: the log's limit
    Read,
    /// The same history rows by one COPY, one connection, one transaction: the database's limit
    Copy,
    /// The same by two connections at once, each with every second partition: for information
    #[value(name = "copy-2")]
    CopyTwo,
    /// The consumer, from an empty database until it has caught up
    Drain,
    /// Baseline: batches of 5000, COPY into a staging table, INSERT ... SELECT, upsert
    CopyUpsert,
    /// Baseline: two statements per event, a commit per thousand events
    #[value(name = "rows-1000")]
    RowsPerThousand,
    /// Baseline: two statements and a commit per event
    #[value(name = "rows-1")]
    RowsPerEvent,
    /// replay-rebuild of a drained database: the load of the history, and the entire rebuild
    Rebuild,
    /// From produce to the row that a reader sees, at 500 events/s: the consumer
    #[value(name = "latency-500")]
    Latency,
    /// The same: baseline rows-1
    #[value(name = "latency-500-rows-1")]
    LatencyRowsPerEvent,
    /// The same at half of the rate of a drain: the consumer
    LatencyHalfDrain,
    /// Reads through the API, four clients at a time, of a drained database
    Reads,
}

impl Step {
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

impl Options {
    pub fn steps(&self) -> Vec<Step> {
        if self.only.is_empty() { Step::value_variants().to_vec() } else { self.only.clone() }
    }
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// One of the programs that are measured beside the consumer. Started by this program.
    #[command(hide = true)]
    Baseline(Baseline),
}

#[derive(Debug, clap::Args)]
pub struct Baseline {
    pub step: Step,
    /// How many events to read.
    #[arg(long)]
    pub events: u64,
    /// End earlier: at the next commit after this time.
    #[arg(long)]
    pub seconds: Option<u64>,
    #[arg(long, env = "KAFKA_BOOTSTRAP_SERVERS")]
    pub kafka_bootstrap_servers: String,
    #[arg(long, env = "KAFKA_TOPIC")]
    pub kafka_topic: String,
    #[arg(long, env = "KAFKA_GROUP_ID")]
    pub kafka_group_id: String,
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: String,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        super::Args::command().debug_assert();
    }
}
