//! The commands of the `local-stack` program, a file each.

mod args;
mod cluster_status;
mod described;
mod down;
mod events;
mod exec;
mod folder;
mod http;
mod kafka_tool;
mod progress;
mod psql;
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
        Command::Status { folder } => status::status(&folder),
        Command::Kafka { folder, tool, arguments } => kafka_tool::kafka(&folder, tool.as_deref(), &arguments),
        Command::Psql { folder, arguments } => psql::psql(&folder, &arguments),
    }
}
