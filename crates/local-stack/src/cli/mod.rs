//! The commands of the `local-stack` program. Each has a file; this one only hands over.
#![allow(clippy::print_stdout, reason = "what these commands have to say goes to the standard output")]

mod args;
mod down;
mod events;
mod exec;
mod folder;
mod http;
mod kafka_tool;
mod psql;
mod run;
mod service;
mod status;
mod summary;
mod up;

use std::process::ExitCode;

use clap::Parser;

use crate::error::{Error, Result};
use args::{Arguments, Command};

/// Reads the command line, runs the command, and turns errors into a message and an exit code: 2 for usage, 1 for the rest.
pub fn main() -> ExitCode {
    match dispatch(Arguments::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
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
