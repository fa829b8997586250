//! The steps that run a program of `baselines/`. It prints a line when it begins to read, and one with its
//! numbers after the last commit.

use secrecy::ExposeSecret;
use service::{Exit, Failure};
use tokio::process::Command;

use super::check::check;
use super::{Bench, StartCounters};
use crate::args::Step;
use crate::baselines::{BEGIN, END};
use crate::child::{self, Ended};
use crate::measurement::Measurement;
use crate::server::FreshDatabase;
use crate::tables::Tables;

/// Reads the entire topic, and also returns the bytes of all values.
pub async fn read(bench: &Bench<'_>, repetition: u32) -> Result<(Measurement, u64), Failure> {
    let before = StartCounters::read(&bench.server).await?;
    let mut command = command(bench, Step::Read)?;
    command.env("KAFKA_GROUP_ID", "food-orders-bench-read").env("DATABASE_URL", "");
    let ended = child::start("read", command)?.ended().await?;
    let (mut measured, bytes) = measurement(bench, Step::Read, repetition, &ended)?;
    before.add_changes(&bench.server, &mut measured).await?;
    // It does not touch the database.
    (measured.wal_bytes, measured.postgres_cpu_seconds) = (None, None);
    if measured.events != bench.backlog.events {
        let message = format!("read: {} of {} events", measured.events, bench.backlog.events);
        return Err(Failure::new(Exit::Difference, message));
    }
    Ok((measured, bytes))
}

pub async fn baseline(
    bench: &Bench<'_>,
    fresh: &FreshDatabase,
    step: Step,
    repetition: u32,
) -> Result<Measurement, Failure> {
    let mut command = command(bench, step)?;
    command.env("KAFKA_GROUP_ID", &fresh.name).env("DATABASE_URL", fresh.url.expose_secret());
    if matches!(step, Step::RowsPerThousand | Step::RowsPerEvent) {
        command.args(["--seconds", &bench.context.options.sample_seconds.to_string()]);
    }
    let before = StartCounters::read(&bench.server).await?;
    let ended = child::start(&step.name(), command)?.ended().await?;
    let (mut measured, _) = measurement(bench, step, repetition, &ended)?;
    before.add_changes(&bench.server, &mut measured).await?;
    check(&bench.backlog, fresh, &Tables::of_baselines(), &mut measured).await?;
    Ok(measured)
}

fn command(bench: &Bench<'_>, step: Step) -> Result<Command, Failure> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args(["baseline", &step.name(), "--events", &bench.backlog.events.to_string()])
        .env("KAFKA_BOOTSTRAP_SERVERS", &bench.context.kafka.bootstrap_servers)
        .env("KAFKA_TOPIC", &bench.context.kafka.topic);
    Ok(command)
}

fn measurement(
    bench: &Bench<'_>,
    step: Step,
    repetition: u32,
    ended: &Ended,
) -> Result<(Measurement, u64), Failure> {
    let printed = |word| ended.lines.iter().find(|(_, line)| line.split(' ').next() == Some(word));
    let parsed = printed(BEGIN).zip(printed(END)).and_then(|((begin, _), (end, line))| {
        let mut numbers = line.split(' ').skip(1).map(str::parse::<u64>);
        let (events, bytes) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
        Some((events, bytes, (*end - *begin).as_secs_f64()))
    });
    let Some((events, bytes, seconds)) = parsed else {
        let message = format!("{} ended before it had read {} events", step.name(), bench.backlog.events);
        return Err(Failure::new(Exit::Unexpected, message));
    };
    let measured = Measurement {
        process_seconds: Some(ended.wall.as_secs_f64()),
        cpu_seconds: ended.cpu_seconds,
        peak_memory_bytes: ended.peak_memory_bytes,
        ..Measurement::timed(step.name(), repetition, events, seconds)
    };
    Ok((measured, bytes))
}
