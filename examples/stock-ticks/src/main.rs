//! Stock ticks: one command writes prices to a Kafka topic, another keeps a table of them. Start reading here.

mod consume;
mod market;
mod produce;
mod table;
mod tick;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use event_log::{ConnectionArgs, TopicSpec, ensure_topic, topic_name};
use service::ShellArgs;

/// Writes stock ticks to a Kafka topic, and shows them as a live table.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 120, mut_args(|arg| arg.global(true)))]
struct Args {
    #[command(subcommand)]
    command: Command,

    /// Topic of the ticks; created if it does not exist
    #[arg(long, env = "KAFKA_TOPIC", value_name = "TOPIC", default_value = "stock-ticks")]
    topic: String,

    #[command(flatten, next_help_heading = "Kafka")]
    connection: ConnectionArgs,

    #[command(flatten, next_help_heading = "Process")]
    shell: ShellArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write made-up ticks of AAPL, GOOGL and MSFT
    Produce {
        /// Write lines such as AAPL: $150 from standard input instead
        #[arg(long)]
        stdin: bool,
    },
    /// Keep a table of the ticks: last price, and open, high and low of its minute
    Consume,
}

fn main() -> ExitCode {
    // The shell that all programs share: it parses the flags, logs, listens to Ctrl-C and chooses the exit code.
    service::run(
        |args: &Args| &args.shell,
        async |args, shell| {
            let topic = topic_name("KAFKA_TOPIC", &args.topic)?;
            let kafka = args.connection.validate(&topic)?.of_application("stock-ticks");
            let spec = TopicSpec {
                partitions: 1,
                replicas: Some(1),
                retention_ms: 86_400_000, // A day.
                ..TopicSpec::default()
            };
            let ensured = shell.stop.run_until_cancelled(ensure_topic(&kafka, &spec)).await;
            let Some(topic) = ensured else { return Ok(()) };
            topic?;
            // The Kafka client blocks, so it has a thread of its own.
            let work = tokio::task::spawn_blocking(move || match args.command {
                Command::Produce { stdin: true } => produce::typed(&kafka, &shell),
                Command::Produce { stdin: false } => produce::made_up(&kafka, &shell),
                Command::Consume => consume::run(&kafka, &shell),
            });
            work.await?
        },
    )
}
