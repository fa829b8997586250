//! Compares the consumer, on this machine, with the limits of the log and of the database, and with consumers
//! as they are usually written.

mod args;
mod backlog;
mod baselines;
mod child;
mod context;
mod cpu;
mod environment;
mod history_dump;
mod latency;
mod measurement;
mod report;
mod run;
mod server;
mod shape;
mod statistics;
mod steps;
mod table;
mod tables;
mod timing;

use std::process::ExitCode;

use clap::Parser;
use service::{Exit, Failure};

use args::{Args, Command};

fn main() -> ExitCode {
    match start(Args::parse()) {
        Ok(()) => Exit::Done.into(),
        Err(failure) => {
            output::note!("error: {}", failure.message);
            failure.exit.into()
        }
    }
}

fn start(args: Args) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    match args.command {
        Some(Command::Baseline(baseline)) => runtime.block_on(baselines::run(baseline)),
        None => runtime.block_on(run::run(&args.options)),
    }
}
