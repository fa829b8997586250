//! `replay-rebuild` of a drained database, while nothing else runs.

use secrecy::ExposeSecret;
use service::{Exit, Failure};
use tokio::process::Command;

use super::{Bench, StartCounters, drain};
use crate::child;
use crate::measurement::Measurement;
use crate::server::FreshDatabase;

/// Returns two measurements: loading the history, and the entire rebuild until the new tables are active.
pub async fn rebuild(
    bench: &Bench<'_>,
    fresh: &FreshDatabase,
    repetition: u32,
) -> Result<Vec<Measurement>, Failure> {
    drain(bench, fresh, repetition).await?;
    let context = bench.context;
    let mut command = Command::new(context.program("replay-rebuild"));
    command
        .env("KAFKA_BOOTSTRAP_SERVERS", &context.kafka.bootstrap_servers)
        .env("KAFKA_TOPIC", &context.kafka.topic)
        .env("DATABASE_URL", fresh.url.expose_secret())
        .env("LOG_LEVEL", "warn");
    bench.server.checkpoint().await?;
    let before = StartCounters::read(&bench.server).await?;
    let ended = child::start("replay-rebuild", command)?.ended().await?;
    let events = bench.backlog.events;
    let load = Measurement::timed("rebuild-load", repetition, events, loading(fresh).await?);
    let mut total = Measurement::timed("rebuild", repetition, events, ended.wall.as_secs_f64());
    before.add_changes(&bench.server, &mut total).await?;
    total.process_seconds = Some(ended.wall.as_secs_f64());
    total.cpu_seconds = ended.cpu_seconds;
    total.peak_memory_bytes = ended.peak_memory_bytes;
    let size = fresh.active_tables().await?.size(&fresh.sql().await?).await?;
    total.add_size(size, bench.backlog.orders);
    Ok(vec![load, total])
}

/// The seconds that the rebuild recorded for loading.
async fn loading(fresh: &FreshDatabase) -> Result<f64, Failure> {
    let client = fresh.sql().await?;
    let row = client
        .query_opt(
            "/* bench::rebuild */ SELECT (phase ->> 'seconds')::float8
             FROM public.rebuilds, jsonb_array_elements(progress -> 'phases') AS phase
             WHERE rebuilds.state = 'active' AND phase ->> 'state' = 'loading'",
            &[],
        )
        .await?;
    let unfinished = || Failure::new(Exit::Difference, "the rebuild did not become active");
    Ok(row.ok_or_else(unfinished)?.get(0))
}
