//! Why a rebuild cannot be started or cannot go on, and what to do about each reason.

use tokio::task::JoinError;
use views::rebuild::State;

use crate::outcome::FailureCause;

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Views(#[from] views::Error),

    #[error(transparent)]
    EventLog(#[from] event_log::Error),

    #[error(transparent)]
    Schemas(schema_registry::Error),

    #[error("there is no view {0:?}; the views are: orders")]
    UnknownView(String),

    /// A view has at most one unfinished rebuild.
    #[error(
        "rebuild {id} of view {view} is running already, in {runner}; wait for it, or cancel it by `replay-rebuild --cancel` or POST /rebuilds/{id}/cancel"
    )]
    AlreadyRunning { view: String, id: i64, runner: String },

    #[error("rebuild {id} does not exist")]
    UnknownRebuild { id: i64 },

    /// Only an unfinished rebuild can be cancelled.
    #[error("rebuild {id} is {state}, so it cannot be cancelled any more")]
    Ended { id: i64, state: State },

    /// The process that drives a rebuild does not answer.
    #[error(
        "rebuild {id} was asked to end, but {runner}, which drives it, has not ended it within {seconds} s; it ends when that \
         process goes on, and if it is killed, the next start of a rebuild or an api ends it"
    )]
    NotEnded { id: i64, runner: String, seconds: u64 },

    /// The tables of an unfinished rebuild have the number of parts that was asked for first.
    #[error(
        "rebuild {id}, which is not finished, makes tables in another number of parts ({made}); continue it without a number \
         of parts, or cancel it first"
    )]
    OtherParts { id: i64, made: i16 },

    /// A session holds the lock, and no row names another process that drives a rebuild.
    #[error(
        "another session holds the lock for rebuilds of view {view}, but no rebuild of another process is recorded; if trying \
         again does not help, look for the session in pg_locks (locktype advisory)"
    )]
    LockHeld { view: String },

    /// This process does not own the rebuild's row, or no longer does.
    #[error("another process has ended this rebuild or drives it now")]
    NotOwner,

    /// An attempt to switch was given up, so that the live writers need not wait longer.
    #[error(
        "the rest of the log could not be applied in the short time in which the switch may hold off the live writers"
    )]
    SwitchTimedOut,

    #[error("rebuild {rebuild} is {state}, but its row has no {missing}")]
    IncompleteRow { rebuild: i64, state: State, missing: &'static str },

    #[error("the row of rebuild {rebuild} was deleted")]
    RowDeleted { rebuild: i64 },

    #[error(
        "the plan of rebuild {rebuild} cannot be read; another version of this program wrote it: {cause}"
    )]
    ForeignPlan { rebuild: i64, cause: serde_json::Error },

    /// The operating system gave the rebuild no thread.
    #[error("no thread could be started for the rebuild: {cause}")]
    NoThread { cause: std::io::Error },

    /// The thread that drove the rebuild panicked.
    #[error("the rebuild's thread ended without an outcome; the next start continues the rebuild")]
    ThreadLost,

    /// A task of a step panicked.
    #[error("a task of the rebuild ended without a result: {cause}")]
    TaskLost { cause: JoinError },
}

/// What to do about an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// Try the same again after a pause: the database or Kafka is away, or a lock is taken.
    Retry,
    /// Leave the rebuild alone; its row says what became of it.
    LetGo,
    /// End the rebuild as failed.
    Fail(FailureCause),
}

impl Error {
    #[must_use]
    pub fn recovery(&self) -> Recovery {
        match self {
            Self::Views(error) => match error.recovery() {
                // A step that runs again claims its partitions and reads their positions again.
                views::Recovery::Retry | views::Recovery::Reclaim => Recovery::Retry,
                // Nobody but the owner of a rebuild drops its build.
                views::Recovery::Record | views::Recovery::BuildGone | views::Recovery::Stop => {
                    Recovery::Fail(FailureCause::Unexpected)
                }
            },
            Self::EventLog(error) if error.is_passing() => Recovery::Retry,
            Self::EventLog(error) if error.is_about_the_log() => Recovery::Fail(FailureCause::Log),
            // A person must fix a registry that refuses or is the wrong one; until then the rebuild retries.
            Self::Schemas(_) | Self::SwitchTimedOut | Self::LockHeld { .. } => Recovery::Retry,
            Self::NotOwner => Recovery::LetGo,
            Self::EventLog(_)
            | Self::UnknownView(_)
            | Self::AlreadyRunning { .. }
            | Self::UnknownRebuild { .. }
            | Self::Ended { .. }
            | Self::NotEnded { .. }
            | Self::OtherParts { .. }
            | Self::IncompleteRow { .. }
            | Self::RowDeleted { .. }
            | Self::ForeignPlan { .. }
            | Self::NoThread { .. }
            | Self::ThreadLost
            | Self::TaskLost { .. } => Recovery::Fail(FailureCause::Unexpected),
        }
    }

    /// PostgreSQL refuses changes to the rebuild's row from a process that does not own it.
    pub(crate) fn from_row_change(error: views::Error) -> Self {
        match error {
            views::Error::NotTheOwner { .. } => Self::NotOwner,
            other => Self::Views(other),
        }
    }
}

impl From<schema_registry::Error> for Error {
    fn from(error: schema_registry::Error) -> Self {
        error.into_views().map_or_else(Self::Schemas, Self::Views)
    }
}

impl From<JoinError> for Error {
    fn from(cause: JoinError) -> Self {
        Self::TaskLost { cause }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_change_of_the_row_means_that_another_process_owns_it() {
        let refused = views::Error::NotTheOwner { attempt: "moving a rebuild on" };
        let error = Error::from_row_change(refused);
        assert!(matches!(error, Error::NotOwner), "{error}");
        assert_eq!(error.recovery(), Recovery::LetGo);
        let other = Error::from_row_change(views::Error::Decided);
        assert!(matches!(other, Error::Views(views::Error::Decided)), "{other}");
    }

    #[test]
    fn what_to_do_about_an_error_of_the_log_follows_from_its_kind() {
        use event_log::Error as Log;
        let no_thread = Log::Thread { name: "log-replay", cause: std::io::Error::other("no memory") };
        assert_eq!(Error::from(no_thread).recovery(), Recovery::Fail(FailureCause::Unexpected));
        let topic_name = Log::TopicName("a\0".into());
        assert_eq!(Error::from(topic_name).recovery(), Recovery::Fail(FailureCause::Unexpected));
        let no_leader = Log::NoLeader { topic: "food-orders".into(), seconds: 60 };
        assert_eq!(Error::from(no_leader).recovery(), Recovery::Retry);
    }

    #[test]
    fn a_step_whose_positions_moved_runs_again() {
        let (partition, held, found) = (orders::Partition(0), orders::Position(9), orders::Position(5));
        let went_back = Error::Views(views::Error::WentBack { partition, held, found });
        assert_eq!(went_back.recovery(), Recovery::Retry);
    }
}
