//! Compares the tables in PostgreSQL with an independent fold of the topic.

use std::io::{Write, stdout};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use end_to_end::oracle::{self, Samples, Settings};
use event_log::KafkaArgs;
use service::settings::{Invalid, ShellArgs, whole_number};
use service::{Exit, Failure, Shell};
use views::DatabaseArgs;

/// Reads the whole topic, folds it anew, and compares every row and column of the active build with it.
///
/// Prints what differs, by key and column, and one line in the end. Ends with 0 if nothing differs, 7 if
/// something does, 2 if a setting is wrong, 1 if it cannot be told.
#[derive(Parser, Debug)]
#[command(name = "food-orders-check", version, max_term_width = 120)]
struct Args {
    /// Wait so long, in seconds, until the end offsets seen at the start are applied
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    wait: u64,

    /// Compare this many answers of the API, each as of a random cut, with the fold of the log up to there
    #[arg(long, value_name = "N", default_value_t = 0, requires = "api")]
    as_of_samples: u32,

    /// The API, such as http://127.0.0.1:8080
    #[arg(long, value_name = "URL")]
    api: Option<String>,

    /// The same seed takes the same samples of the same log; random without it
    #[arg(long, value_name = "SEED")]
    seed: Option<u64>,

    /// Records with a larger value are dead letters, in bytes; the same as the consumers' setting
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
        () = shell.stop.cancelled() => return Err(Failure::new(Exit::Unexpected, "stopped before the end")),
        report = oracle::check(&settings) => report?,
    };
    writeln!(stdout(), "{report} ({:.1} s)", started.elapsed().as_secs_f64())?;
    match report.differences.count() {
        0 => Ok(()),
        count => Err(Failure::new(Exit::Difference, format!("{count} differences"))),
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
