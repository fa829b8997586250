//! Brings a database's tables up to this version. Whichever process comes first does it.

use refinery::error::Kind;
use tokio_postgres::error::{DbError, SqlState};

use crate::connect::Database;
use crate::error::{Error, Result, is_of_the_connection, words};
use crate::session::{Session, SessionKind};
use crate::{Parts, builds};

mod embedded {
    refinery::embed_migrations!("../../migrations");
}

/// The lock that lets one process migrate at a time. The number has no meaning; it only has to differ from
/// those of our other locks.
const MIGRATION_LOCK: i64 = 0x00f0_0d01;

/// The tables and views that each migration brings to the schema `public`, itself or with the first build.
const TABLES: [(i32, &[&str]); 2] = [
    (
        1,
        &[
            "builds",
            "rebuilds",
            "decisions",
            "deployment",
            "orders",
            "order_history",
            "positions",
            "dead_letters",
        ],
    ),
    (2, &["schemas"]),
];

/// Runs the migrations that are missing, under an advisory lock, and makes build 1 of each view.
pub async fn migrate(database: &Database) -> Result<()> {
    migrate_divided(database, Parts::ONE).await
}

/// The same; if there is no build yet, the first one has this many parts.
pub async fn migrate_divided(database: &Database, parts: Parts) -> Result<()> {
    let mut session = database.session("food-orders migrate", SessionKind::Short).await?;
    session
        .client
        .execute("/* views::migrate::migrate */ SELECT pg_advisory_lock($1)", &[&MIGRATION_LOCK])
        .await
        .map_err(Error::during("waiting for another process's migrations"))?;
    // The lock ends with the session, whatever happens below.
    refuse_foreign_tables(&session).await?;
    let report =
        embedded::migrations::runner().run_async(&mut session.client).await.map_err(migration_failed)?;
    for migration in report.applied_migrations() {
        tracing::info!(%migration, "migrated the database");
    }
    builds::ensure_first(&mut session, parts).await
}

/// A table that another program made is not ours to replace.
async fn refuse_foreign_tables(session: &Session) -> Result<()> {
    let attempt = Error::during("looking for tables of others");
    let applied = latest_migration(session).await.map_err(&attempt)?;
    let to_be_made: Vec<&str> = TABLES
        .iter()
        .filter(|(version, _)| *version > applied)
        .flat_map(|(_, tables)| *tables)
        .copied()
        .collect();
    let foreign: Vec<String> = session
        .client
        .query_one(
            "/* views::migrate::refuse_foreign_tables */ SELECT coalesce(array_agg('public.' || name), '{}')
             FROM unnest($1::text[]) AS name WHERE to_regclass('public.' || name) IS NOT NULL",
            &[&to_be_made],
        )
        .await
        .map_err(&attempt)?
        .get(0);
    if foreign.is_empty() { Ok(()) } else { Err(Error::ForeignTables { tables: foreign.join(", ") }) }
}

/// The version of the last migration that was applied; 0 if there was none.
async fn latest_migration(session: &Session) -> Result<i32, tokio_postgres::Error> {
    let exists = "/* views::migrate::latest_migration */ SELECT to_regclass('public.refinery_schema_history') IS NOT NULL";
    if !session.client.query_one(exists, &[]).await?.get::<_, bool>(0) {
        return Ok(0);
    }
    let latest = "/* views::migrate::latest_migration */ SELECT coalesce(max(version), 0) FROM public.refinery_schema_history";
    Ok(session.client.query_one(latest, &[]).await?.get(0))
}

fn migration_failed(error: refinery::Error) -> Error {
    match error.kind() {
        Kind::DivergentVersion(..) | Kind::MissingVersion(_) => Error::OtherSchemaVersion { cause: error },
        _ => Error::Migration {
            sqlstate: sqlstate(&error),
            connection_lost: causes(&error)
                .filter_map(|cause| cause.downcast_ref::<tokio_postgres::Error>())
                .any(is_of_the_connection),
            cause: words(&error),
        },
    }
}

/// The driver's error lies somewhere below the runner's own.
fn sqlstate(error: &refinery::Error) -> Option<SqlState> {
    causes(error).find_map(|cause| cause.downcast_ref::<DbError>()).map(|error| error.code().clone())
}

fn causes(error: &refinery::Error) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    std::iter::successors(std::error::Error::source(error), |&error| error.source())
}
