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
    service::run(|args: &Args| &args.shell, produce)
}

async fn produce(args: Args, shell: Shell) -> Result<(), Failure> {
    let settings = args.validate()?;
    if let Some(listen) = settings.metrics_listen {
        let server = Server::bind(listen, shell.health.clone(), shell.metrics.clone()).await?;
        tokio::spawn(server.run());
    }
    let topic = ensure_topic(&settings.kafka, &TopicSpec::default()).await?;
    for warning in &topic.warnings {
        tracing::warn!("{warning}");
    }
    let stop = shell.stop.clone();
    let totals = tokio::task::spawn_blocking(move || work(&settings, &shell)).await??;
    summary::log(&totals, stop.is_cancelled());
    summary::check(&totals)
}

/// On a thread that may block.
fn work(settings: &Settings, shell: &Shell) -> Result<summary::Run, Failure> {
    let first = match settings.start_at_id {
        Some(first) => first,
        None => simulation::first_free_number(&LogClient::new(&settings.kafka)?)?,
    };
    let writer = LogWriter::connect(&settings.kafka, settings.transactional)?;
    shell.health.set_started();
    produce::run(settings, first, writer, shell)
}
