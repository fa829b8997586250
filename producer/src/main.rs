//! Writes realistic order lives to the topic: for demonstrations, tests and benchmarks.

mod catalog;
mod clock;
mod life;
mod pace;
mod produce;
mod progress;
mod settings;
mod simulation;
mod summary;

use std::process::ExitCode;

use event_log::{LogClient, LogWriter, TopicSpec, ensure_topic};
use service::{Failure, Server, Shell};

use settings::{Args, Settings};

fn main() -> ExitCode {
    service::run(|args: &Args| &args.shell, run)
}

async fn run(args: Args, shell: Shell) -> Result<(), Failure> {
    let settings = args.validate()?;
    let Some(listen) = settings.metrics_listen else { return write_orders(settings, shell).await };
    let probes = Server::bind(listen, shell.health.clone(), shell.metrics.clone()).await?;
    tokio::select! {
        result = write_orders(settings, shell) => result,
        result = probes.run() => Ok(result?),
    }
}

async fn write_orders(settings: Settings, shell: Shell) -> Result<(), Failure> {
    let stop = shell.stop.clone();
    let spec = TopicSpec::default();
    let topic = stop.run_until_cancelled(ensure_topic(&settings.kafka, &spec)).await;
    let Some(topic) = topic else { return Ok(()) };
    topic?.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    // The client of Kafka blocks: a thread of its own.
    let done = tokio::task::spawn_blocking(move || {
        let first = match settings.start_at_id {
            Some(first) => first,
            None => simulation::first_free_number(&LogClient::new(&settings.kafka)?)?,
        };
        let writer = LogWriter::connect(&settings.kafka, settings.transactional)?;
        shell.health.set_started();
        produce::run(&settings, first, writer, &shell)
    });
    let done = done.await??;
    summary::log(&done, stop.is_cancelled());
    summary::check(&done)
}
