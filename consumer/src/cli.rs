//! The commands with which an operator handles dead letters. None of them joins the group.

mod dead_letters;
mod decisions;

use std::time::Duration;

use ::dead_letters::Operator;
use clap::Subcommand;
use retry::retry_within;
use service::{Exit, Failure, Shell};
use views::StartLimit;
use views::read::{ReadError, Reader};

use crate::settings::Settings;

/// How long one step of a command waits for a database that starts, restarts or has no free connection.
const DATABASE_LIMIT: Duration = Duration::from_secs(30);
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

/// Carries out the command; a signal to stop ends it early, which is a failure.
pub async fn run(command: Command, settings: &Settings, shell: &Shell) -> Result<(), Failure> {
    let work = async {
        let migrate = async || Ok(views::migrate::migrate(&settings.database).await?);
        patiently(migrate).await.map_err(not_migrated)?;
        match command {
            Command::DeadLetters(command) => {
                let operator = Operator {
                    database: settings.database.clone(),
                    kafka: settings.kafka.clone(),
                    codec: settings.codec.clone(),
                    schemas: settings.schemas.clone(),
                };
                let reader = Reader::new(&settings.database, 1, CONNECTION_WAIT, STATEMENT_TIMEOUT)?;
                dead_letters::run(command, &operator, &reader).await
            }
            Command::Decisions(command) => decisions::run(&command, &settings.database).await,
        }
    };
    tokio::select! {
        () = shell.stop.cancelled() => Err(shell.interrupted("the command was not carried out to its end")),
        done = work => done,
    }
}

fn not_migrated(error: ReadError) -> Failure {
    let is_about_the_url = matches!(&error, ReadError::Database(error) if error.is_about_the_url());
    let exit = if is_about_the_url { Exit::Usage } else { Exit::Unexpected };
    Failure::with(exit)(error)
}

/// Repeats a step that only reads, or that may be repeated, while the database is to blame and may come back.
async fn patiently<T, F: Future<Output = Result<T, ReadError>>>(step: impl FnMut() -> F) -> F::Output {
    let limit = StartLimit::default();
    let is_passing =
        |error: &ReadError| matches!(error, ReadError::Database(error) if limit.is_passing(error));
    retry_within("PostgreSQL", DATABASE_LIMIT, is_passing, step).await
}
