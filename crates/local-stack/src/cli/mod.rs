//! The commands of the `local-stack` program, a file each.

mod args;
mod cluster_status;
mod deaths;
mod described;
mod down;
mod events;
mod exec;
mod folder;
mod http;
mod kafka_tool;
mod progress;
mod psql;
mod rebuild;
mod run;
mod running_servers;
mod service;
mod services;
mod state;
mod status;
mod summary;
mod table;
mod up;

use std::process::ExitCode;

use clap::Parser;

use crate::error::{Error, Result};
use args::{Arguments, Command};

/// Reads the command line and runs the command. An error is printed; the exit code is 2 for a wrong setting
/// or argument, else 1.
pub fn main() -> ExitCode {
    match dispatch(Arguments::parse().command) {
        Ok(code) => code,
        Err(error) => {
            output::note!("error: {error}");
            ExitCode::from(if matches!(error, Error::Usage(_)) { 2 } else { 1 })
        }
    }
}

fn dispatch(command: Command) -> Result<ExitCode> {
    match command {
        Command::Up(arguments) => up::up(&arguments),
        Command::Run(arguments) => run::run(&arguments),
        Command::Exec(arguments) => exec::exec(&arguments),
        Command::Down { folder } => down::down(&folder),
        Command::Reset { folder, yes } => down::reset(&folder, yes),
        Command::Status { folder, json } => status::status(&folder, json),
        Command::Kafka(passed) => kafka_tool::kafka(&passed),
        Command::Psql(passed) => psql::psql(&passed),
        Command::Rebuild(passed) => rebuild::rebuild(&passed),
    }
}
