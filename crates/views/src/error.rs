//! What can go wrong with the database, sorted by what the caller can do. Every message is complete:
//! it holds the words of its cause, and no error has a source to print beside it.

mod driver;
mod recovery;
mod start_limit;

use std::collections::BTreeSet;

use deadpool_postgres::PoolError;
use orders::{Offset, Partition, Position, SchemaId};
use tokio_postgres::error::SqlState;

use crate::Build;
use crate::dead_letters::DeadLetterId;

pub(crate) use driver::{is_of_the_connection, words};
pub use recovery::Recovery;
pub use start_limit::StartLimit;

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What was attempted, and what PostgreSQL or the driver says about it.
    #[error("{attempt}: {}", driver::describe(.cause))]
    Database { attempt: &'static str, cause: tokio_postgres::Error },

    /// The connection was lost before the answer to a COMMIT arrived.
    #[error("{attempt}: the connection was lost during the commit, so that the change may have been made or not: {}", driver::describe(.cause))]
    MayBeCommitted { attempt: &'static str, cause: tokio_postgres::Error },

    /// No session was opened, with the address that was tried.
    #[error("connecting to PostgreSQL at {database}: {}", driver::describe_connecting(.cause))]
    Connect { database: String, cause: tokio_postgres::Error },

    #[error(
        "connecting to PostgreSQL at {database}: there is no database {name:?}; make it with `createdb --encoding UTF8 \
         --template template0 --locale C {name}`, or name another one in DATABASE_URL"
    )]
    NoDatabase { database: String, name: String },

    #[error("connecting to PostgreSQL: {database} did not answer within {seconds} s")]
    NoAnswer { database: String, seconds: u64 },

    /// All connections of the pool are in use, or none can be opened.
    #[error("{attempt}: no database connection was free: {cause}")]
    Pool { attempt: &'static str, cause: PoolError },

    /// Only of reads that may take long, and of large answers.
    #[error("{attempt}: too many reads that may take long, or large answers, are under way")]
    Busy { attempt: &'static str },

    /// The position row is not where this writer left it, or its build is not the one to write to any more:
    /// another owner has the partition.
    #[error("{attempt} refused: {reason}")]
    Fenced { attempt: &'static str, reason: String },

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

    /// Raised before anything of the batch was written.
    #[error(
        "{dead_letters} of the last {records} records cannot be read ({last}): stopped before they fill the dead letters; is \
         this the right topic (KAFKA_TOPIC), and did its producers change their format? --no-breaker goes on all the same"
    )]
    TooManyDeadLetters { dead_letters: usize, records: usize, last: String },

    /// The batch has to be encoded again, with the new decision.
    #[error("an operator has decided about one of these records since they were read")]
    Decided,

    /// Raised before anything of this part of the batch was written; earlier parts may have been. The caller asks for the
    /// schemas and repeats the batch.
    #[error("records were written with schemas that were not asked for yet (id {})", SchemaId::list(.ids))]
    MissingSchemas { ids: BTreeSet<SchemaId> },

    /// Raised before anything of the batch was written. Fewer of the records, or each alone, can be applied.
    #[error("records are too large together as JSON")]
    TooLargeTogether,

    /// The active build was made by another version of the code.
    #[error(
        "build {build} has projection version {found}, this program writes version {}; run replay-rebuild of this \
         version, which makes a build that it can write and switches to it",
        crate::PROJECTION_VERSION
    )]
    ProjectionVersion { build: Build, found: i32 },

    /// A rebuild's row says that another process drives it, or that it has ended.
    #[error("{attempt} refused: another process has ended it or drives it")]
    NotTheOwner { attempt: &'static str },

    #[error("build {build} is active and cannot be dropped")]
    ActiveBuild { build: Build },

    #[error("no build of view {} is active; run the consumer, which makes the first one", crate::ORDERS)]
    NoActiveBuild,

    /// They were dropped by hand, or the database was made again.
    #[error(
        "tables of the active build are gone ({cause}); restore the database from a backup, or give the programs an empty \
         one (DATABASE_URL), which a consumer with --take-over-group fills from the log"
    )]
    TablesGone { cause: String },

    /// A switch would take reads back in time.
    #[error(
        "build {build} stands at {reached} in partition {partition} and the live one at {live}; it was not switched in"
    )]
    BuildBehind { build: Build, partition: Partition, reached: Position, live: Position },

    /// Found before anything was written.
    #[error(
        "the database {database:?} has the encoding {encoding}, in which not every text can be stored; make one with \
         `createdb --encoding UTF8 --template template0 --locale C NAME`, and name that one in DATABASE_URL"
    )]
    Encoding { database: String, encoding: String },

    /// Locks and settings belong to a session, and such a pooler changes sessions between transactions.
    #[error(
        "a direct connection to PostgreSQL is needed, and DATABASE_URL seems to lead to a pooler such as PgBouncer \
         ({cause})"
    )]
    Pooler { cause: String },

    #[error(
        "this database has tables that food-orders did not make, under names that it needs ({tables}); use a database of \
         its own (DATABASE_URL), or rename these tables"
    )]
    ForeignTables { tables: String },

    #[error(
        "the tables of this database were made by another version of food-orders ({cause}). A newer version may have \
         migrated them: run that version. A version from before the first release may have made them: use an empty \
         database (DATABASE_URL, or `./food-orders reset`) and let the consumer fill it from the log"
    )]
    OtherSchemaVersion { cause: refinery::Error },

    /// `connection_lost`: the connection is to blame.
    #[error("the tables of the database cannot be migrated: {cause}")]
    Migration { cause: String, sqlstate: Option<SqlState>, connection_lost: bool },

    /// PostgreSQL took another number of rows than it was given. The transaction is rolled back.
    #[error("{attempt}: {found} rows were written instead of {expected}; nothing was changed")]
    RowCount { attempt: &'static str, expected: usize, found: u64 },

    /// The row's columns do not have the types that this version's tables have.
    #[error("PostgreSQL sent a row that this program cannot read; were the tables changed by hand?")]
    UnreadableRow,

    /// The row was found to be damaged when it was read. The log still has the record.
    #[error(
        "order_history is damaged at partition {partition}, offset {offset}: {cause}; run replay-rebuild, which makes the \
         tables again from the log"
    )]
    DamagedHistory { partition: Partition, offset: Offset, cause: String },

    #[error(
        "table orders is damaged at order {order_id:?}: {cause}; run replay-rebuild, which makes the tables again from \
         the log"
    )]
    DamagedOrder { order_id: String, cause: String },

    #[error("dead letter {id} is damaged: {cause}")]
    DamagedDeadLetter { id: DeadLetterId, cause: String },

    #[error("decision {id} is damaged: {cause}")]
    DamagedDecision { id: i64, cause: String },

    #[error("rebuild {id} is damaged, or of another version: {cause}")]
    DamagedRebuild { id: i64, cause: String },

    /// A record that was to be retried does not decode, which the caller should have checked.
    #[error(
        "the record at partition {partition}, offset {offset} cannot be decoded, so it cannot be applied"
    )]
    Undecodable { partition: Partition, offset: Offset },
}

impl Error {
    /// Adds what was attempted; for use with `map_err`.
    pub(crate) fn during(attempt: &'static str) -> impl Fn(tokio_postgres::Error) -> Self {
        move |cause| Self::Database { attempt, cause }
    }

    /// The same for a COMMIT, whose answer may be lost.
    pub(crate) fn while_committing(attempt: &'static str) -> impl Fn(tokio_postgres::Error) -> Self {
        move |cause| match is_of_the_connection(&cause) {
            true => Self::MayBeCommitted { attempt, cause },
            false => Self::Database { attempt, cause },
        }
    }

    /// Whether another value of DATABASE_URL is the way out.
    #[must_use]
    pub fn is_about_the_url(&self) -> bool {
        matches!(self, Self::Encoding { .. } | Self::Pooler { .. } | Self::NoDatabase { .. })
    }

    /// PostgreSQL's code, where it was PostgreSQL that answered.
    #[must_use]
    pub fn sqlstate(&self) -> Option<&SqlState> {
        match self {
            Self::Database { cause, .. } | Self::Connect { cause, .. } => cause.code(),
            Self::Migration { sqlstate, .. } => sqlstate.as_ref(),
            _ => None,
        }
    }
}
