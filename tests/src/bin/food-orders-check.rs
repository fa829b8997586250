//! Compares the tables in PostgreSQL with an independent fold of the topic.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use end_to_end::oracle::{self, Samples, Settings};
use event_log::KafkaArgs;
use service::settings::{Invalid, ShellArgs, whole_number};
use service::{Exit, Failure, Shell};
use views::DatabaseArgs;

/// Reads the entire topic, folds it by code of its own, and compares every row and column of the active build
/// with the result.
///
/// Prints every difference, by key and column, and then one line of totals. The exit code is 0 if nothing
/// differs, 7 if something does, 2 if a setting is wrong, and 1 if the comparison could not be made.
#[derive(Parser, Debug)]
#[command(name = "food-orders-check", version, max_term_width = 120)]
struct Args {
    /// How long to wait, in seconds, until the end offsets seen at the start are applied
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    wait: u64,

    /// How many orders to compare with the API's answers, each as of a random cut
    #[arg(long, value_name = "N", default_value_t = 0, requires = "api")]
    as_of_samples: u32,

    /// The base URL of the API, such as http://127.0.0.1:8080
    #[arg(long, value_name = "URL")]
    api: Option<String>,

    /// The same seed takes the same samples of the same log [default: random]
    #[arg(long, value_name = "SEED")]
    seed: Option<u64>,

    /// The consumers' limit for the value of a record, in bytes; larger records have to be dead letters
    #[arg(long, env = "MAX_RECORD_BYTES", value_name = "BYTES", default_value = "1000000")]
    max_record_bytes: String,

    #[command(flatten, next_help_heading = "Kafka")]
    kafka: KafkaArgs,

    #[command(flatten, next_help_heading = "PostgreSQL")]
    database: DatabaseArgs,

    #[command(flatten, next_help_heading = "Process")]
    shell: ShellArgs,
}

fn main() -> ExitCode {
    service::run(|args: &Args| &args.shell, check)
}

async fn check(args: Args, shell: Shell) -> Result<(), Failure> {
    let started = Instant::now();
    let settings = args.validate()?;
    let report = tokio::select! {
        () = shell.stop.cancelled() => return Err(Failure::new(Exit::Unexpected, "stopped before the comparison was complete")),
        report = oracle::check(&settings) => report?,
    };
    output::data(&format!("{report} ({:.1} s)", started.elapsed().as_secs_f64()))?;
    match report.differences.count() {
        0 => Ok(()),
        count => Err(Failure::new(
            Exit::Difference,
            format!("the tables differ from the log: {count} differences"),
        )),
    }
}

impl Args {
    fn validate(self) -> Result<Settings, Invalid> {
        let samples = self.api.map(|api| Samples {
            api,
            count: self.as_of_samples,
            seed: self.seed.unwrap_or_else(rand::random),
        });
        Ok(Settings {
            kafka: self.kafka.validate()?,
            root_certificate: self.database.read_root_certificate()?,
            database_url: self.database.database_url,
            refused: std::collections::BTreeSet::new(),
            max_record_bytes: whole_number("MAX_RECORD_BYTES", &self.max_record_bytes, 1, 100_000_000)?
                as usize,
            wait: Duration::from_secs(self.wait),
            samples,
        })
    }
}
