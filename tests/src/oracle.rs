//! An independent fold of the topic, compared with the tables.
//!
//! It is written from the text of docs/events.md with the simplest code that could be right: the whole log in
//! memory, each value parsed as JSON, each order folded from all its records. It uses nothing of
//! crates/orders, of the SQL of crates/views, or of crates/event-log except its settings.

mod as_of;
mod cell;
mod dead_letters;
mod decisions;
mod differences;
mod error;
mod event;
mod fold;
mod framed;
mod history;
mod instant;
mod json;
mod log;
mod offsets;
mod orders;
mod positions;
mod raw;
mod record;
mod report;
mod totals;

use std::collections::BTreeSet;
use std::time::Duration;

use event_log::KafkaSettings;
use secrecy::{ExposeSecret, SecretString};

pub use as_of::Samples;
pub use differences::Differences;
pub use error::Error;
use framed::Schemas;
pub use log::{Log, ends};
pub use offsets::Offsets;
pub use report::Report;

/// What to compare, and how.
pub struct Settings {
    pub kafka: KafkaSettings,
    pub database_url: SecretString,
    /// The bytes of a PEM file with a certificate to trust in addition to those of the system.
    pub root_certificate: Option<Vec<u8>>,
    /// Records with a larger value have to be dead letters.
    pub max_record_bytes: usize,
    /// Records that a test made PostgreSQL refuse, by partition and offset. They have to be dead letters.
    pub refused: BTreeSet<(i32, i64)>,
    /// How long the positions may take to reach the end offsets seen at the start.
    pub wait: Duration,
    /// Which answers of the API to compare as well.
    pub samples: Option<Samples>,
}

/// Compares all tables with the log. The report has the differences; an error means that the comparison could
/// not be made.
pub async fn check(settings: &Settings) -> Result<Report, Error> {
    let url = settings.database_url.expose_secret();
    let mut client = local_stack::sql_client(url, settings.root_certificate.as_deref()).await?;
    let seen = ends_in_background(&settings.kafka).await?;
    positions::wait(&client, &seen, settings.wait).await?;
    // One snapshot of all tables, because consumers may be writing meanwhile.
    let tx = client.build_transaction();
    let tx =
        tx.isolation_level(tokio_postgres::IsolationLevel::RepeatableRead).read_only(true).start().await?;
    let build = positions::active_build(&tx).await?;
    let applied = positions::read(&tx, &build).await?;
    let decided = decisions::read(&tx).await?;
    let schemas = Schemas::read(&tx).await?;
    let mut log = log_in_background(settings, &applied, decided.clone(), schemas).await?;
    let now = ends_in_background(&settings.kafka).await?;

    let mut differences = Differences::default();
    positions::compare(&applied, &seen, &now, &mut differences);
    positions::compare_public_views(&tx, &build, &mut differences).await?;
    let history = history::compare(&tx, &build, &mut log, &mut differences).await?;
    let dead_letters =
        dead_letters::compare(&tx, &build, &mut log, &decided, &history.admitted, &mut differences).await?;
    let history_rows = history.rows;
    let orders = orders::compare(&tx, &build, &log, &mut differences).await?;
    totals::compare(&tx, &build, &mut differences).await?;
    let records = log.records().count();
    if history_rows + dead_letters != records {
        differences.add(
            "positions",
            "all records",
            "records",
            records,
            format!("{history_rows} applied + {dead_letters} dead letters"),
        );
    }
    tx.rollback().await?;
    let as_of_answers = match &settings.samples {
        Some(samples) => as_of::compare(samples, &log, &mut differences).await?,
        None => 0,
    };
    Ok(Report {
        topic: settings.kafka.topic.clone(),
        build,
        records,
        history_rows,
        dead_letters,
        orders,
        as_of_answers,
        differences,
    })
}

async fn ends_in_background(kafka: &KafkaSettings) -> Result<Offsets, Error> {
    let kafka = kafka.clone();
    in_background(move || ends(&kafka)).await
}

async fn log_in_background(
    settings: &Settings,
    upto: &Offsets,
    decided: decisions::Decisions,
    schemas: Schemas,
) -> Result<Log, Error> {
    let (kafka, max_record_bytes, upto) = (settings.kafka.clone(), settings.max_record_bytes, upto.clone());
    let refused = settings.refused.clone();
    in_background(move || Log::read(&kafka, max_record_bytes, &refused, &upto, &decided, &schemas)).await
}

/// Runs `work` on a thread where it may block, as the calls of librdkafka do.
async fn in_background<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(|cause| Error::ReaderPanicked { cause })?
}
