//! The programs that run while latencies are measured.

use event_log::KafkaSettings;
use secrecy::ExposeSecret;
use service::Failure;
use tokio::process::Command;

use super::{Bench, EVENTS_PER_SECOND, Subject, WARM_UP_SECONDS};
use crate::args::Step;
use crate::child::{self, Running};
use crate::server::FreshDatabase;

/// In the producer's simulation, without cancellations.
const EVENTS_PER_ORDER: u64 = 4;
/// From an order's first event to its last, in the producer's simulation, before time is compressed.
const LIFE_SECONDS: f64 = 2590.0;

/// Starts the program that writes the tables.
pub fn start_subject(
    bench: &Bench<'_>,
    fresh: &FreshDatabase,
    kafka: &KafkaSettings,
    subject: Subject,
) -> Result<Running, Failure> {
    let mut command = match subject {
        Subject::Consumer | Subject::HalfDrain => {
            let mut command = Command::new(bench.context.program("consumer"));
            command.args(&bench.context.options.consumer_arg);
            command
        }
        Subject::RowsPerEvent => {
            let mut command = Command::new(std::env::current_exe()?);
            command.args(["baseline", &Step::RowsPerEvent.name(), "--events", &u64::MAX.to_string()]);
            command
        }
    };
    command
        .env("KAFKA_BOOTSTRAP_SERVERS", &kafka.bootstrap_servers)
        .env("KAFKA_TOPIC", &kafka.topic)
        .env("KAFKA_GROUP_ID", &fresh.name)
        .env("DATABASE_URL", fresh.url.expose_secret())
        .env("LOG_LEVEL", "warn");
    child::start("latency", command)
}

/// Starts the producer at half the rate of a drain, for as long as is measured. If the machine cannot keep
/// up, the consumer applies the rest afterwards.
pub fn start_load(bench: &Bench<'_>, kafka: &KafkaSettings) -> Result<Running, Failure> {
    let rate = bench.drain_rate.unwrap_or_default() / 2.0 - EVENTS_PER_SECOND as f64;
    let seconds = WARM_UP_SECONDS + bench.context.options.sample_seconds;
    let rate = rate.max(1.0);
    let orders = (rate as u64 * seconds).div_ceil(EVENTS_PER_ORDER);
    // As many open orders as in the backlog.
    let placed_per_second = rate / EVENTS_PER_ORDER as f64;
    let time_compression = placed_per_second * LIFE_SECONDS / bench.context.options.in_flight as f64;
    let mut command = Command::new(bench.context.program("producer"));
    command
        .args(["--cancel-share", "0", "--rate", &rate.to_string(), "--orders", &orders.to_string()])
        .args(["--time-compression", &time_compression.to_string()])
        .env("KAFKA_BOOTSTRAP_SERVERS", &kafka.bootstrap_servers)
        .env("KAFKA_TOPIC", &kafka.topic)
        .env("LOG_LEVEL", "warn");
    child::start("producer", command)
}
