//! Writes made-up orders to the topic, for demonstrations, tests and benchmarks.

mod catalog;
mod clock;
mod demand;
mod first_number;
mod life;
mod metrics;
mod output;
mod pace;
mod progress;
mod run;
mod settings;
mod simulation;
mod summary;
mod values;

use std::process::ExitCode;

use event_log::{LogClient, LogWriter, TopicSpec, ensure_topic};
use service::{Failure, Shell};

use settings::{Args, Settings};
use values::Values;

fn main() -> ExitCode {
    service::run(
        |args: &Args| &args.shell,
        async |args, shell| {
            let settings = args.validate()?;
            metrics::describe();
            shell.with_probes(settings.metrics_listen, write_orders(settings, shell.clone())).await
        },
    )
}

async fn write_orders(settings: Settings, shell: Shell) -> Result<(), Failure> {
    let stop = shell.stop.clone();
    let spec = TopicSpec::default();
    let topic = stop.run_until_cancelled(ensure_topic(&settings.kafka, &spec)).await;
    let Some(topic) = topic else { return stopped(&settings, &shell) };
    topic?.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    let values = stop.run_until_cancelled(Values::prepare(&settings)).await;
    let Some(values) = values else { return stopped(&settings, &shell) };
    let values = values?;
    // The Kafka client blocks, so it has a thread of its own.
    let run = tokio::task::spawn_blocking({
        let (settings, shell) = (settings.clone(), shell.clone());
        move || {
            let first = match settings.start_at_id {
                Some(first) => first,
                None => first_number::first_free_number(&LogClient::new(&settings.kafka)?)?,
            };
            let writer = LogWriter::connect(&settings.kafka, settings.transactional)?;
            shell.health.set_started();
            run::run(&settings, first, writer, values, &shell)
        }
    });
    let run = run.await??;
    summary::log(&run);
    summary::check(&run)?;
    if run.is_complete { Ok(()) } else { stopped(&settings, &shell) }
}

/// How a producer ends that a signal has asked to stop: one that was to write a number of orders has not done so.
fn stopped(settings: &Settings, shell: &Shell) -> Result<(), Failure> {
    match settings.orders.count {
        Some(orders) => Err(shell.interrupted(&format!("not all of the {orders} orders are written"))),
        None => Ok(()),
    }
}
