//! Why an operator's act failed. Nothing has changed then, unless the error is `views::Error::MayBeCommitted`.

use orders::Rejection;
use tokio::task::JoinError;
use views::dead_letters::DeadLetterId;
use views::read::ReadError;

use crate::reason::BadReason;

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("dead letter {0} does not exist")]
    NotFound(DeadLetterId),

    #[error("dead letter {id} is already {state}{}", by(.decision))]
    Closed { id: DeadLetterId, state: String, decision: Option<i64> },

    /// Decoding, or PostgreSQL, refuses the same bytes for the same reason as before.
    #[error("the record of dead letter {id} was refused again: {rejection}")]
    StillRefused { id: DeadLetterId, rejection: Rejection },

    #[error(
        "dead letter {0} keeps only a part of its record, and the log no longer holds the rest; append a corrected event and \
         discard the dead letter"
    )]
    RecordGone(DeadLetterId),

    #[error(transparent)]
    Reason(#[from] BadReason),

    #[error(transparent)]
    Log(#[from] event_log::Error),

    #[error(transparent)]
    Read(#[from] ReadError),

    #[error(transparent)]
    Views(#[from] views::Error),

    /// A schema could not be asked for, so that nothing is known about the record yet.
    #[error(transparent)]
    Schemas(schema_registry::Error),

    #[error("the thread that read the record from the log ended early: {cause}")]
    LogReader { cause: JoinError },
}

impl From<schema_registry::Error> for Error {
    fn from(error: schema_registry::Error) -> Self {
        error.into_views().map_or_else(Self::Schemas, Self::Views)
    }
}

fn by(decision: &Option<i64>) -> String {
    decision.map(|decision| format!(" by decision {decision}")).unwrap_or_default()
}
