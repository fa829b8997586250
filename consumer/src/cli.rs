//! The commands with which an operator handles dead letters. None of them joins the group.

mod dead_letters;
mod decisions;

use std::time::Duration;

use ::dead_letters::Operator;
use clap::Subcommand;
use service::{Failure, Shell};
use views::read::Reader;

use crate::settings::Settings;

/// How long a command waits for a database that is starting or has no free connection.
const START_LIMIT: Duration = Duration::from_secs(30);
const CONNECTION_WAIT: Duration = Duration::from_secs(5);
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(60);

#[derive(Subcommand, Debug)]
pub enum Command {
    /// Dead letters: list them, show one, retry or discard
    #[command(subcommand)]
    DeadLetters(dead_letters::DeadLetters),

    /// Decisions: what was decided about dead letters and gaps
    #[command(subcommand)]
    Decisions(decisions::Decisions),
}

/// Carries out the command; a signal to stop ends it early.
pub async fn run(command: Command, settings: &Settings, shell: &Shell) -> Result<(), Failure> {
    let work = async {
        views::migrate::migrate_within(&settings.database, START_LIMIT).await?;
        match command {
            Command::DeadLetters(command) => {
                let operator = Operator {
                    database: settings.database.clone(),
                    kafka: settings.kafka.clone(),
                    codec: settings.codec.clone(),
                };
                let reader = Reader::new(&settings.database, 1, CONNECTION_WAIT, STATEMENT_TIMEOUT)?;
                dead_letters::run(command, &operator, &reader).await
            }
            Command::Decisions(command) => decisions::run(&command, &settings.database).await,
        }
    };
    tokio::select! {
        () = shell.stop.cancelled() => Ok(()),
        done = work => done,
    }
}
