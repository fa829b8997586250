//! The real consumer, or a group of them, from an empty database until everything is applied.

use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use secrecy::ExposeSecret;
use service::{Exit, Failure};
use tokio::process::Command;

use super::check::check;
use super::{Bench, StartCounters};
use crate::child;
use crate::measurement::Measurement;
use crate::server::FreshDatabase;

/// How often the positions are read, which bounds the error of the measured times.
const INTERVAL: Duration = Duration::from_millis(10);
/// No progress for this long is a failure.
const STUCK_AFTER: Duration = Duration::from_secs(60);

/// The moments at which the positions first showed something.
struct Milestones {
    /// Partitions are claimed, so reading begins.
    claimed: Instant,
    first_commit: Instant,
    /// All positions have reached the end of the log.
    done: Instant,
}

pub async fn drain(
    bench: &Bench<'_>,
    fresh: &FreshDatabase,
    repetition: u32,
) -> Result<Measurement, Failure> {
    let before = StartCounters::read(&bench.server).await?;
    let started = Instant::now();
    let consumers = (0..bench.context.options.consumers)
        .map(|_| Ok(child::start("consumer", command(bench, fresh))?.ended()))
        .collect::<Result<Vec<_>, Failure>>()?;
    let watched = watch(fresh, bench.backlog.events, started);
    let (milestones, ended) = tokio::join!(watched, try_join_all(consumers));
    // The error of a consumer comes first, because it explains why the positions did not move.
    let (ended, milestones) = (ended?, milestones?);
    let seconds = (milestones.done - milestones.claimed).as_secs_f64();
    let mut measured = Measurement::timed("drain", repetition, bench.backlog.events, seconds);
    before.add_changes(&bench.server, &mut measured).await?;
    measured.process_seconds = ended.iter().map(|one| one.wall.as_secs_f64()).reduce(f64::max);
    measured.first_commit_seconds = Some((milestones.first_commit - milestones.claimed).as_secs_f64());
    // Each value is the time of all consumers that had ended by then, so the largest one is the sum.
    measured.cpu_seconds = ended.iter().filter_map(|one| one.cpu_seconds).reduce(f64::max);
    measured.peak_memory_bytes = ended.iter().filter_map(|one| one.peak_memory_bytes).max();
    check(&bench.backlog, fresh, &fresh.tables, &mut measured).await?;
    Ok(measured)
}

fn command(bench: &Bench<'_>, fresh: &FreshDatabase) -> Command {
    let context = bench.context;
    let mut command = Command::new(context.program("consumer"));
    command
        .arg("--until-caught-up")
        .args(&context.options.consumer_arg)
        .env("KAFKA_BOOTSTRAP_SERVERS", &context.kafka.bootstrap_servers)
        .env("KAFKA_TOPIC", &context.kafka.topic)
        .env("KAFKA_GROUP_ID", &fresh.name)
        .env("DATABASE_URL", fresh.url.expose_secret())
        .env("LOG_LEVEL", "warn");
    command
}

async fn watch(fresh: &FreshDatabase, events: u64, started: Instant) -> Result<Milestones, Failure> {
    let client = fresh.sql().await?;
    let sql = format!(
        "/* bench::drain */ SELECT count(*), coalesce(sum(next_offset), 0)::bigint FROM {}.positions WHERE owner_epoch > 0",
        fresh.tables.schema
    );
    let statement = client.prepare(&sql).await?;
    let (mut claimed, mut first_commit) = (None, None);
    let (mut last, mut moved) = (0, started);
    let mut tick = tokio::time::interval(INTERVAL);
    loop {
        tick.tick().await;
        let row = client.query_one(&statement, &[]).await?;
        let now = Instant::now();
        let (partitions, applied): (i64, i64) = (row.get(0), row.get(1));
        if partitions > 0 {
            claimed.get_or_insert(now);
        }
        if applied > 0 {
            first_commit.get_or_insert(now);
        }
        if applied != last {
            (last, moved) = (applied, now);
        }
        if applied as u64 >= events {
            let claimed = claimed.unwrap_or(now);
            return Ok(Milestones { claimed, first_commit: first_commit.unwrap_or(now), done: now });
        }
        if now - moved > STUCK_AFTER {
            let message = format!("drain: no progress for {} s", STUCK_AFTER.as_secs());
            return Err(Failure::new(Exit::Unexpected, message));
        }
    }
}
