//! Brings a database's tables up to this version, once, whoever comes first.

use crate::builds;
use crate::connect::Database;
use crate::error::{Error, Result};
use crate::session::{Session, SessionKind};

mod embedded {
    refinery::embed_migrations!("../../migrations");
}

/// Any number of processes may start on one database at the same time. The number
/// means nothing; it only has to be ours.
const MIGRATION_LOCK: i64 = 0x00f0_0d01;

/// Runs what is missing under an advisory lock and makes build 1 of each view.
pub async fn migrate(database: &Database) -> Result<()> {
    let mut session = database.session("food-orders migrate", SessionKind::Short).await?;
    session
        .client
        .execute("/* views::migrate */ SELECT pg_advisory_lock($1)", &[&MIGRATION_LOCK])
        .await
        .map_err(Error::during("waiting for another process's migrations"))?;
    // The lock ends with the session, whatever happens below.
    refuse_foreign_tables(&session).await?;
    let report = embedded::migrations::runner()
        .run_async(&mut session.client)
        .await
        .map_err(|error| migration_failed(&error))?;
    for migration in report.applied_migrations() {
        tracing::info!(migration = %migration, "migrated");
    }
    builds::ensure_first(&mut session).await
}

/// A table `orders` that somebody else made is not ours to replace.
async fn refuse_foreign_tables(session: &Session) -> Result<()> {
    let foreign = session
        .client
        .query_one(
            "/* views::migrate */ SELECT to_regclass('public.refinery_schema_history') IS NULL
                AND (to_regclass('public.orders') IS NOT NULL OR to_regclass('public.order_history') IS NOT NULL)",
            &[],
        )
        .await
        .map_err(Error::during("looking for tables of others"))?
        .get::<_, bool>(0);
    if foreign {
        return Err(Error::Unusable(
            "this database has a table public.orders or public.order_history that food-orders did not make; \
             use a database of its own (DATABASE_URL), or rename that table"
                .into(),
        ));
    }
    Ok(())
}

/// The driver's error lies somewhere below the runner's own.
fn migration_failed(error: &refinery::Error) -> Error {
    if let refinery::error::Kind::DivergentVersion(..) | refinery::error::Kind::MissingVersion(_) =
        error.kind()
    {
        return Error::Unusable(format!(
            "the tables of this database were made by another version of food-orders ({error}). A newer version may have \
             migrated them: run that version. A version from before the first release may have made them: use an empty \
             database (DATABASE_URL, or `./food-orders reset`) and let the consumer fill it from the log"
        ));
    }
    let mut text = format!("the database's tables cannot be migrated: {error}");
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if let Some(db) = cause.downcast_ref::<tokio_postgres::error::DbError>() {
            text.push_str(&format!(": {} (SQLSTATE {})", db.message(), db.code().code()));
        }
        source = cause.source();
    }
    Error::Unusable(text)
}
