//! The command line.

mod load;
mod request;
mod run;

use clap::{Parser, Subcommand};
use event_log::ConnectionArgs;
use service::{Invalid, ShellArgs};

use crate::place::Place;
pub use load::LoadArgs;
pub use request::{RequestArgs, ToSend};
pub use run::{RunArgs, RunSettings};

/// A bank on Kafka transactions: validates requests, keeps balances, and moves money between accounts exactly once.
///
/// `run` and `watch` end with 0 after a signal. The exit code is 1 for an unexpected error or a refused request, 2 for a wrong
/// setting, 3 if the log has lost records, and 4 if another process has taken this one's place. `request` and `load` end with
/// 130 or 143 if a signal interrupts them.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 120, mut_args(|arg| arg.global(true)))]
pub struct Args {
    #[command(subcommand)]
    pub command: Command,

    /// Text that the names of the topics, the group and the transactional ids begin with
    #[arg(long, env = "BANK_PREFIX", value_name = "TEXT", default_value = "")]
    pub prefix: String,

    #[command(flatten, next_help_heading = "Kafka")]
    pub connection: ConnectionArgs,

    #[command(flatten, next_help_heading = "Process")]
    pub shell: ShellArgs,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Process requests until a signal; several instances share the accounts
    Run(RunArgs),
    /// Send one request and wait for the decision
    Request(RequestArgs),
    /// Print what is decided, line by line
    Watch(WatchArgs),
    /// Send made-up requests
    Load(LoadArgs),
}

#[derive(clap::Args, Clone, Debug)]
pub struct WatchArgs {
    /// Begin with the oldest records instead of the next ones
    #[arg(long)]
    pub from_beginning: bool,
}

impl Args {
    pub fn place(&self) -> Result<Place, Invalid> {
        let kafka = self.connection.validate("transaction_requests")?.of_application("bank-app");
        Place::new(kafka, &self.prefix)
    }
}
