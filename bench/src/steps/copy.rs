//! The limit of the database: plain COPY of the same history rows into the same table with the same indexes,
//! and nothing else.

use std::time::Instant;

use futures_util::future::try_join_all;
use service::{Exit, Failure};

use super::{Bench, StartCounters};
use crate::cpu;
use crate::measurement::Measurement;
use crate::server::FreshDatabase;

/// Each connection has one transaction. The time is from the first BEGIN to the last COMMIT.
pub async fn copy(
    bench: &Bench<'_>,
    fresh: &FreshDatabase,
    connections: usize,
    repetition: u32,
) -> Result<Measurement, Failure> {
    let dump = bench
        .dump
        .as_ref()
        .ok_or_else(|| Failure::new(Exit::Unexpected, "there are no rows to copy before the first drain"))?;
    let mut work = Vec::new();
    for stream in dump.streams(connections)? {
        let client = fresh.sql().await?;
        // As the consumer has it by default.
        client.batch_execute("/* bench::copy */ SET synchronous_commit = off").await?;
        work.push((client, stream));
    }
    let before = StartCounters::read(&bench.server).await?;
    let cpu_before = cpu::of_this_process();
    let began = Instant::now();
    // Tasks, so that the connections are fed in parallel.
    let writers = work.into_iter().map(|(client, stream)| {
        let schema = fresh.tables.schema.clone();
        tokio::spawn(async move {
            client.batch_execute("BEGIN").await?;
            stream.write(&client, &schema).await?;
            client.batch_execute("COMMIT").await?;
            Ok::<(), Failure>(())
        })
    });
    for written in try_join_all(writers).await? {
        written?;
    }
    let seconds = began.elapsed().as_secs_f64();
    let name = if connections == 1 { "copy".to_owned() } else { format!("copy-{connections}") };
    let mut measured = Measurement::timed(name, repetition, dump.rows(), seconds);
    measured.cpu_seconds = cpu::of_this_process().zip(cpu_before).map(|(after, before)| after - before);
    before.add_changes(&bench.server, &mut measured).await?;
    let client = fresh.sql().await?;
    measured.add_size(fresh.tables.size(&client).await?, 0);
    let counted = fresh.tables.counters(&client, dump.rows()).await?.history_rows as u64;
    if counted != dump.rows() {
        return Err(Failure::new(Exit::Difference, format!("copy wrote {counted} of {} rows", dump.rows())));
    }
    Ok(measured)
}
