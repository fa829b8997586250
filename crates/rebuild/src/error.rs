//! Why a rebuild cannot be started, or cannot go on.

use views::Recovery;

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Views(#[from] views::Error),

    #[error(transparent)]
    Log(#[from] event_log::Error),

    /// One at a time for each view.
    #[error("rebuild {id} of view {view} is running already, in {runner}; wait for it or cancel it")]
    AlreadyRunning { view: String, id: i64, runner: String },

    #[error("there is no view {0:?}; the views are: orders")]
    UnknownView(String),

    /// Somebody else drives it now, or has ended it.
    #[error("another process has ended this rebuild or drives it now")]
    Taken,

    /// The rest of the log took too long: the live writers were let go again.
    #[error("the rest of the log could not be applied while the live writers waited")]
    Held,

    #[error("{0}")]
    Other(String),
}

impl Error {
    /// Whether the same may work in a while.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Views(error) => error.recovery() == Recovery::Retry,
            Self::Log(error) => error.is_passing(),
            Self::AlreadyRunning { .. }
            | Self::UnknownView(_)
            | Self::Taken
            | Self::Held
            | Self::Other(_) => false,
        }
    }
}

/// A part of the work that ended early.
impl From<tokio::task::JoinError> for Error {
    fn from(error: tokio::task::JoinError) -> Self {
        Self::Other(format!("a part of the rebuild ended early: {error}"))
    }
}
