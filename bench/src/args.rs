//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use views::Parts;

use crate::shape::Shape;

/// Measures how fast a backlog of order events gets from Kafka into PostgreSQL, and compares it with the
/// limits of both servers and with consumers as they are usually written.
///
/// `./food-orders bench` runs it with fresh servers of its own. A backlog is written once. Then the
/// steps are repeated in turn (A B C A B C ...), each into a fresh database, after a CHECKPOINT. A first
/// drain is not counted: it warms up, and provides the rows that `copy` writes. The table goes to standard
/// output, progress to standard error.
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
    /// How many events the backlog has at least; all orders are complete
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(4..))]
    pub events: u64,

    /// How many events an order has, and how large they are
    #[arg(long, value_name = "SHAPE", value_enum, default_value_t = Shape::Usual)]
    pub shape: Shape,

    /// How often each step is measured
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub repeat: u32,

    /// Measure only these steps, in this order
    #[arg(long, value_name = "STEP,...", value_delimiter = ',')]
    pub only: Vec<Step>,

    /// Write all measurements to this file, with the machine, versions and settings
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,

    /// How long the row-by-row consumers and the latencies are measured, in seconds; each kind of read is
    /// measured half as long
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    pub sample_seconds: u64,

    /// How many orders are open at a time while the backlog is written; the more, the farther apart are an
    /// order's events. In shape hot, all are
    #[arg(long, value_name = "ORDERS", default_value_t = 5000, value_parser = clap::value_parser!(u64).range(1..))]
    pub in_flight: u64,

    /// How many partitions the topic has
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(i32).range(1..=1000))]
    pub partitions: i32,

    /// Into how many parts the tables are divided, as with `replay-rebuild --parts`
    #[arg(long, value_name = "N", default_value = "1")]
    pub parts: Parts,

    /// How many consumers drain the backlog together, in one group
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=50))]
    pub consumers: u16,

    /// An additional argument for the consumer, such as --consumer-arg=--lanes=1. May be given several times
    #[arg(long, value_name = "ARGUMENT", allow_hyphen_values = true)]
    pub consumer_arg: Vec<OsString>,

    /// The folder of the measured programs [default: that of this program]
    #[arg(long, value_name = "FOLDER")]
    pub programs: Option<PathBuf>,

    /// The addresses of Kafka, which is used without TLS and SASL
    #[arg(long, env = "KAFKA_BOOTSTRAP_SERVERS", value_name = "SERVERS", default_value = "localhost:9092")]
    pub kafka_bootstrap_servers: String,

    /// The URL of PostgreSQL, with a user that may create databases
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
    /// Plain reading of the topic with librdkafka: the limit of the log
    Read,
    /// The same history rows, in the same compact form, by one COPY on one connection, in one transaction: the limit of the database
    Copy,
    /// The same on two connections at the same time, each with every second partition: for information
    #[value(name = "copy-2")]
    CopyTwo,
    /// The consumer, from an empty database until everything is applied
    Drain,
    /// Baseline: batches of 5000, COPY into a staging table, INSERT ... SELECT, upsert
    CopyUpsert,
    /// Baseline: two statements per event, a commit per thousand events
    #[value(name = "rows-1000")]
    RowsPerThousand,
    /// Baseline: two statements and a commit per event
    #[value(name = "rows-1")]
    RowsPerEvent,
    /// replay-rebuild of a drained database: loading the history, and the entire rebuild
    Rebuild,
    /// The time from producing an event to its row being visible, at 500 events/s, with the consumer
    #[value(name = "latency-500")]
    Latency,
    /// The same, with baseline rows-1
    #[value(name = "latency-500-rows-1")]
    LatencyRowsPerEvent,
    /// The same, with the consumer, at half the rate of a drain
    LatencyHalfDrain,
    /// Reads of a drained database through the API, by four clients at a time
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
    /// One of the programs that the consumer is compared with. The steps start it.
    #[command(hide = true)]
    Baseline(Baseline),
}

#[derive(Debug, clap::Args)]
pub struct Baseline {
    pub step: Step,
    /// How many events to read.
    #[arg(long)]
    pub events: u64,
    /// End earlier: at the first commit after this many seconds.
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
    fn the_command_line_is_consistent() {
        super::Args::command().debug_assert();
    }
}
