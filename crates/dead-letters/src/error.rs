//! Why a dead letter was not decided about; then nothing has changed.

use orders::Rejection;
use views::Recovery;
use views::dead_letters::DeadLetterId;
use views::read::ReadError;

use crate::reason::MAX_REASON_CHARS;

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no dead letter {0}")]
    NotFound(DeadLetterId),

    #[error("dead letter {id} is {state}{} already", by(.decision))]
    Closed { id: DeadLetterId, state: String, decision: Option<i64> },

    /// The record is what it was, and so is its fault.
    #[error("the record of dead letter {id} is refused again: {rejection}")]
    StillRefused { id: DeadLetterId, rejection: Rejection },

    #[error(
        "dead letter {0} keeps a part of its record only, and the log no longer has the whole; append a right event and discard \
         the dead letter"
    )]
    Gone(DeadLetterId),

    #[error("a reason has 1 to {MAX_REASON_CHARS} characters and no NUL; only a discard must have one")]
    BadReason,

    #[error(transparent)]
    Log(#[from] event_log::Error),

    #[error(transparent)]
    Read(#[from] ReadError),

    #[error(transparent)]
    Views(#[from] views::Error),

    #[error("reading the log ended early: {0}")]
    Task(#[from] tokio::task::JoinError),
}

fn by(decision: &Option<i64>) -> String {
    decision.map(|decision| format!(" (decision {decision})")).unwrap_or_default()
}

impl Error {
    /// A value that only PostgreSQL refuses.
    pub(crate) fn is_of_the_record(error: &views::Error) -> bool {
        error.recovery() == Recovery::Record
    }
}
