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

    #[error(
        "the records that were applied last in partitions {partitions} have not arrived yet, so that it is unknown \
         whether this is still the same log; waiting (--accept-unverified-log goes on without comparing)"
    )]
    LogUnverified { partitions: String },

    /// The reverse of [`views::Error::OtherDeployment`].
    #[error(
        "group {group} follows the database {theirs}, and this consumer writes to {ours}: a group belongs to one \
         database; give this consumer a group of its own (KAFKA_GROUP_ID) or, to give this group to its database for \
         good, stop the consumers of the other database and start this one with --take-over-group"
    )]
    OtherDatabase { group: String, theirs: String, ours: String },

    #[error("{attempt}: the task ended early: {cause}")]
    Task { attempt: &'static str, cause: JoinError },
}

impl Error {
    /// Whether another attempt may succeed once a server has recovered, or in the build that is active by then.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Database(error) => matches!(error.recovery(), Recovery::Retry | Recovery::BuildGone),
            Self::Log(error) => error.is_passing(),
            Self::LogUnverified { .. } => true,
            Self::Mismatch(_) | Self::GapRefused(_) | Self::OtherDatabase { .. } | Self::Task { .. } => false,
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Database(views::Error::OtherDeployment { .. }) | Self::OtherDatabase { .. } => {
                Exit::OtherDeployment
            }
            Self::Database(views::Error::TooManyDeadLetters { .. }) => Exit::CircuitBreaker,
            Self::Database(views::Error::ProjectionVersion { .. }) => Exit::ProjectionVersion,
            Self::Database(error) if error.is_about_the_url() => Exit::Usage,
            Self::Mismatch(_) | Self::GapRefused(_) => Exit::LogIdentity,
            Self::Log(error) if error.is_about_the_log() => Exit::LogIdentity,
            Self::Log(event_log::Error::FencedInstance) => Exit::OtherDeployment,
            Self::Log(event_log::Error::NoNewGroupProtocol) => Exit::Usage,
            Self::Database(_) | Self::Log(_) | Self::LogUnverified { .. } | Self::Task { .. } => {
                Exit::Unexpected
            }
        }
    }

    /// The failure that ends the process, with its exit code.
    pub fn into_failure(self) -> Failure {
        let exit = self.exit();
        Failure::with(exit)(self)
    }
}
