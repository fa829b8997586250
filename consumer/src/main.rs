//! Applies the log to PostgreSQL, as one member of a consumer group.

mod args;
mod assignment;
mod caught_up;
mod cli;
mod coordinator;
mod database_mark;
mod deployment;
mod error;
mod gap_refused;
mod gaps;
mod group_check;
mod group_offsets;
mod group_watch;
mod kafka_state;
mod lane_partitions;
mod lane_task;
mod lanes;
mod log_check;
mod log_mismatch;
mod metrics;
mod prepare;
mod projection;
mod pulse;
mod settings;
mod watchdog;

use std::process::ExitCode;

use service::{Failure, Shell};

use args::Args;
use settings::Settings;

fn main() -> ExitCode {
    service::run(|args: &Args| &args.shell, run)
}

async fn run(args: Args, shell: Shell) -> Result<(), Failure> {
    let settings = args.validate()?;
    if let Some(command) = args.command {
        return cli::run(command, &settings, &shell).await;
    }
    metrics::describe();
    shell.with_probes(settings.metrics_listen, Box::pin(consume(&settings, &shell))).await
}

async fn consume(settings: &Settings, shell: &Shell) -> Result<(), Failure> {
    let Some(ready) = prepare::until_ready(settings, shell).await? else { return stopped(settings, shell) };
    coordinator::run(settings, shell, ready).await
}

/// How a consumer ends that a signal has asked to stop.
fn stopped(settings: &Settings, shell: &Shell) -> Result<(), Failure> {
    if settings.until_caught_up {
        return Err(
            shell.interrupted("the end offsets were not applied yet; the next start goes on from here")
        );
    }
    Ok(())
}
