//! Which problem an error of the layers below is. Meaning comes from variants and SQLSTATEs, never from texts.

use axum::http::header;
use views::Recovery;
use views::read::ReadError;

use super::{Kind, Members, Problem};

/// The seconds after which a client may expect Kafka or the database to answer again.
const KAFKA_RETRY_SECONDS: u16 = 5;
const REGISTRY_RETRY_SECONDS: u16 = 5;
const DATABASE_RETRY_SECONDS: u16 = 2;
/// A query that was too slow does not become faster within a second or two.
const SLOW_QUERY_RETRY_SECONDS: u16 = 5;
/// By then a rebuild may have brought the view to this projection version.
const REBUILD_RETRY_SECONDS: u16 = 30;

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        let detail = error.to_string();
        match error {
            ReadError::Ahead { offsets, .. } => Self::new(Kind::CutAhead, detail)
                .with_members(Members { applied_offsets: Some(offsets.to_string()), ..Members::default() })
                .header(header::RETRY_AFTER, 1.into()),
            ReadError::DecisionAhead { .. } => Self::new(Kind::DecisionAhead, detail),
            ReadError::ProjectionGone { .. } => Self::new(Kind::ProjectionGone, detail),
            ReadError::OtherProjection { .. } => Self::unavailable(
                format!("{detail}; run replay-rebuild, or POST /rebuilds, to bring the view to this version"),
                REBUILD_RETRY_SECONDS,
            ),
            ReadError::Database(error) => error.into(),
        }
    }
}

impl From<dead_letters::Error> for Problem {
    fn from(error: dead_letters::Error) -> Self {
        use dead_letters::Error;
        let detail = error.to_string();
        match error {
            Error::NotFound(_) => Self::not_found(detail),
            Error::Reason(error) => error.into(),
            Error::Closed { state, decision, .. } => Self::new(Kind::DeadLetterClosed, detail)
                .with_members(Members { state: Some(state), decision, ..Members::default() }),
            Error::RecordGone(_) => Self::new(Kind::RecordGone, detail),
            Error::StillRefused { rejection, .. } => Self::new(Kind::StillRefused, detail)
                .with_members(Members { cause: Some(rejection.cause.as_str()), ..Members::default() }),
            Error::Log(error) => error.into(),
            Error::Read(error) => error.into(),
            Error::Views(views::Error::ProjectionVersion { .. }) => {
                Self::unavailable(detail, REBUILD_RETRY_SECONDS)
            }
            Error::Views(error) => error.into(),
            Error::Schemas(error) => {
                tracing::warn!(%error, "the schema registry could not answer");
                Self::unavailable("the schema registry does not answer at the moment", REGISTRY_RETRY_SECONDS)
            }
            Error::LogReader { .. } => Self::internal(&error),
        }
    }
}

impl From<dead_letters::BadReason> for Problem {
    fn from(error: dead_letters::BadReason) -> Self {
        Self::bad_request(error.to_string())
    }
}

impl From<rebuild::Error> for Problem {
    fn from(error: rebuild::Error) -> Self {
        match error {
            rebuild::Error::AlreadyRunning { id, .. } | rebuild::Error::OtherParts { id, .. } => {
                Self::new(Kind::RebuildRunning, error.to_string())
                    .with_members(Members { rebuild: Some(format!("/rebuilds/{id}")), ..Members::default() })
            }
            rebuild::Error::LockHeld { .. } => Self::new(Kind::RebuildRunning, error.to_string()),
            rebuild::Error::UnknownRebuild { .. } => Self::not_found(error.to_string()),
            rebuild::Error::Ended { .. } => Self::new(Kind::RebuildEnded, error.to_string()),
            rebuild::Error::UnknownView(_) => Self::bad_request(error.to_string()),
            rebuild::Error::Views(error) => error.into(),
            rebuild::Error::EventLog(error) => error.into(),
            error => Self::internal(&error),
        }
    }
}

impl From<event_log::Error> for Problem {
    fn from(error: event_log::Error) -> Self {
        if error.is_passing() {
            tracing::warn!(%error, "the log could not answer");
            return Self::unavailable("Kafka does not answer at the moment", KAFKA_RETRY_SECONDS);
        }
        Self::internal(&error)
    }
}

impl From<views::Error> for Problem {
    fn from(error: views::Error) -> Self {
        let sqlstate = error.sqlstate().map(|code| code.code().to_owned());
        match (error.recovery(), sqlstate.as_deref()) {
            // query_canceled: the statement ran into its time-out.
            (_, Some("57014")) => {
                tracing::warn!(%error, "a read took too long");
                Self::unavailable(
                    "the query took too long; ask for less by limit, filters or sort=order_id",
                    SLOW_QUERY_RETRY_SECONDS,
                )
            }
            // Data exceptions: only a parameter can contain such a value.
            (Recovery::Record, Some(code)) if code.starts_with("22") => {
                tracing::warn!(%error, "PostgreSQL refused the value of a parameter");
                Self::bad_request("a parameter has a value that the database cannot represent")
            }
            // Clients cause these by asking too often. The metrics count them; a line for each would fill the log.
            (_, _) if matches!(error, views::Error::Busy { .. }) => {
                tracing::debug!(%error, "a read was refused");
                Self::unavailable(
                    "too many reads that may take long, or large answers, are under way; try again in a moment",
                    1,
                )
            }
            (_, _) if matches!(error, views::Error::Pool { .. }) => {
                tracing::debug!(%error, "a read was refused");
                Self::unavailable("all database connections are busy; try again in a moment", 1)
            }
            (Recovery::Retry, _) => {
                tracing::warn!(%error, "the database could not answer");
                let detail = match error {
                    views::Error::MayBeCommitted { .. } => {
                        "the connection to the database was lost while the change was committed, so that it may have been \
                         made or not; read it before you try again"
                    }
                    _ => "the database does not answer at the moment",
                };
                Self::unavailable(detail, DATABASE_RETRY_SECONDS)
            }
            _ => Self::internal(&error),
        }
    }
}
