//! What can go wrong with the database, sorted by what the caller can do.

use orders::{Partition, Position};
use tokio_postgres::error::SqlState;

use crate::builds::Build;

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What was attempted, and PostgreSQL's or the driver's word on it.
    #[error("{attempt}: {}", describe(.source))]
    Database { attempt: &'static str, source: tokio_postgres::Error },

    #[error("no free database connection for {attempt}: {message}")]
    Pool { attempt: &'static str, message: String },

    /// The position row is not where this writer left it: another owner has the
    /// partition, or the build is no longer the active one.
    #[error("{attempt} refused: {reason}")]
    Refused { attempt: &'static str, reason: String },

    /// The database is older than it was: restored, failed over to a standby that lagged, or it crashed and
    /// lost what was committed without waiting for the disk. What was read since has to be read again.
    #[error("position went back: partition {partition} was at {held}, and the database has {found}")]
    WentBack { partition: Partition, held: Position, found: Position },

    /// Consumers of another group write to this database.
    #[error(
        "consumers of group {running} run on this database: one group per database; stop them first, or give this one a \
         database of its own (DATABASE_URL)"
    )]
    OtherDeployment { running: String },

    /// Before anything was written.
    #[error(
        "{dead_letters} of the last {records} records cannot be read ({last}): stopped before they fill the dead letters; is \
         this the right topic (KAFKA_TOPIC), and did its producers change their format? --no-breaker goes on all the same"
    )]
    TooManyDeadLetters { dead_letters: usize, records: usize, last: String },
    /// An operator has decided about a record of this batch since it was encoded.
    #[error("an operator has decided about one of these records meanwhile")]
    Decided,

    /// The active build was made by another version of the code.
    #[error(
        "build {build} has projection version {found}, this program writes version {}; run replay-rebuild of this \
         version, which makes a build that it can write and switches to it",
        crate::PROJECTION_VERSION
    )]
    ProjectionVersion { build: Build, found: i32 },

    /// The database holds or lacks something that only a person can mend.
    #[error("{0}")]
    Unusable(String),
}

/// What to do about an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// The same again, after a pause: the connection, a deadlock, a full disk.
    Retry,
    /// A value that only PostgreSQL refuses: find the record and dead-letter it.
    Record,
    /// Drop what is buffered and read the positions again.
    Reclaim,
    /// A person must act.
    Stop,
}

impl Error {
    /// For `map_err`: adds what was attempted.
    pub(crate) fn during(attempt: &'static str) -> impl Fn(tokio_postgres::Error) -> Self {
        move |source| Self::Database { attempt, source }
    }

    /// PostgreSQL's code, where it was PostgreSQL that answered.
    #[must_use]
    pub fn sqlstate(&self) -> Option<&SqlState> {
        match self {
            Self::Database { source, .. } => source.code(),
            _ => None,
        }
    }

    #[must_use]
    pub fn recovery(&self) -> Recovery {
        match self {
            Self::Database { source, .. } => match source.code() {
                Some(code) => recovery(code),
                // The driver's own errors are about the connection, but for those
                // that are a fault of this program.
                None if source.is_closed() || is_io(source) => Recovery::Retry,
                None => Recovery::Stop,
            },
            Self::Pool { .. } | Self::Decided => Recovery::Retry,
            Self::Refused { .. } | Self::WentBack { .. } => Recovery::Reclaim,
            Self::OtherDeployment { .. }
            | Self::TooManyDeadLetters { .. }
            | Self::ProjectionVersion { .. }
            | Self::Unusable(_) => Recovery::Stop,
        }
    }
}

fn is_io(error: &tokio_postgres::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        if error.is::<std::io::Error>() {
            return true;
        }
        source = error.source();
    }
    // Time-outs of the driver carry no source.
    std::error::Error::source(error).is_none()
}

fn recovery(code: &SqlState) -> Recovery {
    match code {
        // Wrong schema or rights, not a matter of time.
        &SqlState::INVALID_PASSWORD | &SqlState::INVALID_AUTHORIZATION_SPECIFICATION => Recovery::Stop,
        code => match &code.code()[..2] {
            // Data exceptions and integrity constraints.
            "22" | "23" => Recovery::Record,
            // Connection, transaction rollback, resources, limits of the moment
            // (55: lock not available), operator intervention, system errors.
            "08" | "40" | "53" | "55" | "57" | "58" => Recovery::Retry,
            // 25006: connected to a standby that takes no writes.
            "25" => Recovery::Retry,
            // A database that starts up or is being created.
            "3D" => Recovery::Retry,
            _ => Recovery::Stop,
        },
    }
}

/// The driver prints only "db error"; the operator needs PostgreSQL's words.
fn describe(error: &tokio_postgres::Error) -> String {
    if let Some(db) = error.as_db_error() {
        let mut text = format!("{} (SQLSTATE {})", db.message(), db.code().code());
        for more in [db.detail(), db.hint(), db.where_()].into_iter().flatten() {
            text.push_str("; ");
            text.push_str(more);
        }
        return text;
    }
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_do_follows_from_the_sqlstate() {
        for (code, expected) in [
            ("40001", Recovery::Retry),
            ("40P01", Recovery::Retry),
            ("53100", Recovery::Retry),
            ("55P03", Recovery::Retry),
            ("57P01", Recovery::Retry),
            ("57P03", Recovery::Retry),
            ("25006", Recovery::Retry),
            ("22P05", Recovery::Record),
            ("22003", Recovery::Record),
            ("23514", Recovery::Record),
            ("42P01", Recovery::Stop),
            ("28P01", Recovery::Stop),
        ] {
            assert_eq!(recovery(&SqlState::from_code(code)), expected, "{code}");
        }
    }
}
