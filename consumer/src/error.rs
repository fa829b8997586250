//! Why the consumer cannot start or go on, and the exit code for each reason.

use service::{Exit, Failure};
use tokio::task::JoinError;
use views::Recovery;

use crate::gap_refused::GapRefused;
use crate::log_mismatch::LogMismatch;

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Database(#[from] views::Error),

    #[error(transparent)]
    Log(#[from] event_log::Error),

    #[error(transparent)]
    Mismatch(#[from] LogMismatch),

    #[error(transparent)]
    GapRefused(#[from] GapRefused),

    #[error("{attempt}: the task ended early: {cause}")]
    Task { attempt: &'static str, cause: JoinError },
}

impl Error {
    /// Whether another attempt may succeed once a server has recovered.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Database(error) => error.recovery() == Recovery::Retry,
            Self::Log(error) => error.is_passing(),
            Self::Mismatch(_) | Self::GapRefused(_) | Self::Task { .. } => false,
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Database(views::Error::OtherDeployment { .. }) => Exit::OtherDeployment,
            Self::Database(views::Error::TooManyDeadLetters { .. }) => Exit::CircuitBreaker,
            Self::Database(views::Error::ProjectionVersion { .. }) => Exit::ProjectionVersion,
            Self::Database(error) if error.is_about_the_url() => Exit::Usage,
            Self::Mismatch(_) | Self::GapRefused(_) => Exit::LogIdentity,
            Self::Log(error) if error.is_about_the_log() => Exit::LogIdentity,
            Self::Log(event_log::Error::FencedInstance) => Exit::OtherDeployment,
            Self::Database(_) | Self::Log(_) | Self::Task { .. } => Exit::Unexpected,
        }
    }

    /// The failure that ends the process, with its exit code.
    pub fn into_failure(self) -> Failure {
        let exit = self.exit();
        Failure::with(exit)(self)
    }
}
