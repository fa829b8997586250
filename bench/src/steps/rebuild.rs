//! `replay-rebuild` of a drained database, while nothing else goes on.

use secrecy::ExposeSecret;
use service::{Exit, Failure};
use tokio::process::Command;

use super::{Before, Bench, drain};
use crate::child;
use crate::measurement::Measurement;
use crate::server::Fresh;

/// Two measurements: the load of the history, and the whole until the new tables serve.
pub async fn rebuild(bench: &Bench<'_>, fresh: &Fresh, repetition: u32) -> Result<Vec<Measurement>, Failure> {
    drain(bench, fresh, repetition).await?;
    let context = bench.context;
    let mut command = Command::new(context.program("replay-rebuild"));
    command
        .env("KAFKA_BOOTSTRAP_SERVERS", &context.kafka.bootstrap_servers)
        .env("KAFKA_TOPIC", &context.kafka.topic)
        .env("DATABASE_URL", fresh.url.expose_secret())
        .env("LOG_LEVEL", "warn");
    bench.server.checkpoint().await?;
    let before = Before::read(&bench.server).await?;
    let ended = child::start("replay-rebuild", command)?.ended().await?;
    let events = bench.backlog.events;
    let load = Measurement::timed("rebuild-load", repetition, events, loading(fresh).await?);
    let mut whole = Measurement::timed("rebuild", repetition, events, ended.wall.as_secs_f64());
    before.compare(&bench.server, &mut whole).await?;
    whole.process_seconds = Some(ended.wall.as_secs_f64());
    whole.cpu_seconds = ended.cpu_seconds;
    whole.peak_memory_bytes = ended.peak_memory_bytes;
    Ok(vec![load, whole])
}

/// What the rebuild itself wrote down, in seconds.
async fn loading(fresh: &Fresh) -> Result<f64, Failure> {
    let client = fresh.sql().await?;
    let row = client
        .query_opt(
            "/* bench::rebuild */ SELECT (phase ->> 'seconds')::float8
             FROM public.rebuilds, jsonb_array_elements(progress -> 'phases') AS phase
             WHERE rebuilds.state = 'active' AND phase ->> 'state' = 'loading'",
            &[],
        )
        .await?;
    let unfinished = || Failure::new(Exit::Difference, "the rebuild was not switched in");
    Ok(row.ok_or_else(unfinished)?.get(0))
}
