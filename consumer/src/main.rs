//! Applies the log to PostgreSQL, as one member of a consumer group.

mod assignment;
mod caught_up;
mod cli;
mod coordinator;
mod deployment;
mod error;
mod gaps;
mod group_offsets;
mod lane_partitions;
mod lane_task;
mod lanes;
mod log_check;
mod prepare;
mod pulse;
mod settings;
mod watchdog;

use std::process::ExitCode;

use service::{Failure, Server, Shell};

use settings::Args;

fn main() -> ExitCode {
    service::run(|args: &Args| &args.shell, run)
}

async fn run(args: Args, shell: Shell) -> Result<(), Failure> {
    let settings = args.validate()?;
    if let Some(command) = args.command {
        return cli::run(command, &settings, &shell).await;
    }
    if let Some(listen) = settings.metrics_listen {
        let server = Server::bind(listen, shell.health.clone(), shell.metrics.clone()).await?;
        tracing::info!(address = %server.address(), "serving /health and /metrics");
        tokio::spawn(server.run());
    }
    let Some(ready) = prepare::until_ready(&settings, &shell).await? else { return Ok(()) };
    coordinator::run(&settings, &shell, ready).await
}
