//! The run: writes the backlog, measures the steps, prints the table.

use service::Failure;

use crate::args::{Options, Step};
use crate::backlog::{self, Backlog};
use crate::context::{Context, say};
use crate::environment::Environment;
use crate::history_dump::HistoryDump;
use crate::latency::Latency;
use crate::measurement::Measurement;
use crate::report::Report;
use crate::server::Server;
use crate::steps::{Bench, drain, read};

pub async fn run(options: &Options) -> Result<(), Failure> {
    let context = Context::new(options)?;
    let server = Server::connect(&options.database_url).await?;
    let environment = Environment::detect(&server).await?;
    let backlog = Backlog::produce(&context).await?;
    let mut bench = Bench { context: &context, server, backlog, dump: None, drain_rate: None };
    let measured = measure(&mut bench, &options.steps()).await;
    // The topic is deleted even if a step has failed; its error counts first.
    let deleted = backlog::delete_topic(&context.kafka).await;
    let report = Report::new(environment, options, &bench.backlog, measured?);
    deleted?;
    report.print()?;
    match &options.json {
        Some(file) => report.write(file),
        None => Ok(()),
    }
}

async fn measure(bench: &mut Bench<'_>, steps: &[Step]) -> Result<Vec<Measurement>, Failure> {
    warm_up(bench, steps).await?;
    let mut all = Vec::new();
    for repetition in 1..=bench.context.options.repeat {
        for step in steps {
            for measured in bench.measure(*step, repetition).await? {
                progress(&measured);
                all.push(measured);
            }
        }
    }
    Ok(all)
}

/// Reads the topic once, so that the log is in the memory of the machine for every step, and drains it once
/// if a step needs the rows. Neither is counted.
async fn warm_up(bench: &mut Bench<'_>, steps: &[Step]) -> Result<(), Failure> {
    say!("warming up ...");
    let (measured, bytes) = read(bench, 0).await?;
    bench.backlog.value_bytes = Some(bytes);
    progress(&measured);
    if steps.iter().any(|step| {
        matches!(step, Step::Copy | Step::CopyTwo | Step::Drain | Step::LatencyHalfDrain | Step::Rebuild)
    }) {
        let fresh = bench.server.fresh_database(bench.context.options.parts).await?;
        let drained = drain(bench, &fresh, 0).await?;
        progress(&drained);
        bench.drain_rate = Some(drained.events_per_second);
        // The rows of wide events would fill the memory for nothing.
        if steps.iter().any(|step| matches!(step, Step::Copy | Step::CopyTwo)) {
            bench.dump = Some(HistoryDump::of(&fresh).await?);
        }
        bench.server.drop(fresh).await?;
    }
    Ok(())
}

fn progress(measured: &Measurement) {
    let Measurement { repetition, step, events, seconds, events_per_second, .. } = measured;
    match measured.latency_ms {
        None => {
            say!(
                "{repetition}  {step:<19}{events:>10} events in {seconds:>7.2} s: {events_per_second:>8.0}/s"
            )
        }
        Some(Latency { p50, p99, p999, max }) => say!(
            "{repetition}  {step:<19}{events_per_second:>10.0}/s; p50 {p50:.2} ms, p99 {p99:.2} ms, p99.9 {p999:.2} ms, \
             longest {max:.2} ms"
        ),
    }
}
