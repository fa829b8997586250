//! What to do about an error, by its kind and PostgreSQL's code, never by its text.

use tokio_postgres::error::SqlState;

use super::{Error, driver};

/// What to do about an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// Try the same again after a pause: the connection, a deadlock, a full disk.
    Retry,
    /// PostgreSQL refuses a value: find the record and make it a dead letter.
    Record,
    /// Drop what is buffered and read the positions again.
    Reclaim,
    /// A table is not there. If another build is active by now, the build that was written or read has been
    /// dropped: go on in the active one. If not, a person must act.
    BuildGone,
    /// A person must act.
    Stop,
}

impl Error {
    #[must_use]
    pub fn recovery(&self) -> Recovery {
        match self {
            Self::Database { cause, .. } | Self::Connect { cause, .. } => match cause.code() {
                Some(code) => by_code(code),
                None if driver::is_of_the_connection(cause) => Recovery::Retry,
                None => Recovery::Stop,
            },
            Self::Migration { connection_lost: true, .. } => Recovery::Retry,
            Self::Migration { sqlstate: Some(code), .. } if by_code(code) == Recovery::Retry => {
                Recovery::Retry
            }
            Self::MayBeCommitted { .. } => Recovery::Retry,
            // A restore drops the database and makes it again.
            Self::NoDatabase { .. } => Recovery::Retry,
            Self::NoAnswer { .. } | Self::Pool { .. } | Self::Busy { .. } | Self::Decided => Recovery::Retry,
            Self::MissingSchemas { .. } => Recovery::Retry,
            Self::TooLargeTogether => Recovery::Record,
            Self::Fenced { .. } | Self::WentBack { .. } | Self::NotTheOwner { .. } => Recovery::Reclaim,
            Self::OtherDeployment { .. }
            | Self::TooManyDeadLetters { .. }
            | Self::ProjectionVersion { .. }
            | Self::ActiveBuild { .. }
            | Self::NoActiveBuild
            | Self::TablesGone { .. }
            | Self::BuildBehind { .. }
            | Self::Encoding { .. }
            | Self::Pooler { .. }
            | Self::ForeignTables { .. }
            | Self::OtherSchemaVersion { .. }
            | Self::Migration { .. }
            | Self::RowCount { .. }
            | Self::UnreadableRow
            | Self::DamagedHistory { .. }
            | Self::DamagedOrder { .. }
            | Self::DamagedDeadLetter { .. }
            | Self::DamagedDecision { .. }
            | Self::DamagedRebuild { .. }
            | Self::Undecodable { .. } => Recovery::Stop,
        }
    }
}

impl Error {
    /// This error, whose recovery is [`Recovery::BuildGone`], once it is known that the build is still the active one.
    /// A table that is only being changed is no reason to give up.
    pub(crate) fn in_active_build(self) -> Self {
        match self.sqlstate() {
            Some(code) if names_a_missing_table(code) => Self::TablesGone { cause: self.to_string() },
            _ => self,
        }
    }
}

fn by_code(code: &SqlState) -> Recovery {
    match code {
        // A wrong password does not become right with time.
        &SqlState::INVALID_PASSWORD | &SqlState::INVALID_AUTHORIZATION_SPECIFICATION => Recovery::Stop,
        code => match &code.code()[..2] {
            // Data exceptions and integrity constraints.
            "22" | "23" => Recovery::Record,
            // The connection, a transaction that was rolled back, resources, a lock that was not free
            // in time (55), an operator's intervention, system errors.
            "08" | "40" | "53" | "55" | "57" | "58" => Recovery::Retry,
            // 25006 comes from a standby, which refuses writes.
            "25" => Recovery::Retry,
            // A database that is still being created.
            "3D" => Recovery::Retry,
            _ if is_of_a_missing_table(code) => Recovery::BuildGone,
            _ => Recovery::Stop,
        },
    }
}

/// The schema or the table was dropped, or is being dropped while it is looked up (XX000).
fn is_of_a_missing_table(code: &SqlState) -> bool {
    names_a_missing_table(code) || *code == SqlState::INTERNAL_ERROR
}

fn names_a_missing_table(code: &SqlState) -> bool {
    [SqlState::UNDEFINED_TABLE, SqlState::INVALID_SCHEMA_NAME].contains(code)
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
            ("42P01", Recovery::BuildGone),
            ("3F000", Recovery::BuildGone),
            ("42703", Recovery::Stop),
            ("28P01", Recovery::Stop),
            ("XX001", Recovery::Stop),
        ] {
            assert_eq!(by_code(&SqlState::from_code(code)), expected, "{code}");
        }
    }

    #[test]
    fn an_error_prints_its_cause_and_has_no_source() {
        let cause = "postgres://host:no-port/".parse::<tokio_postgres::Config>().unwrap_err();
        let words = std::error::Error::source(&cause).unwrap().to_string();
        let error = Error::during("connecting")(cause);
        assert!(error.to_string().ends_with(&words), "{error}");
        assert!(std::error::Error::source(&error).is_none());
    }
}
