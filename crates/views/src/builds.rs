//! Builds: which one of a view is active, and how one is made, activated and dropped.

use scoped_futures::ScopedFutureExt;
use tokio_postgres::{Client, Transaction};

use crate::error::{Error, Result};
use crate::session::Session;
use crate::sql::for_build;
use crate::{Build, ORDERS, PROJECTION_VERSION};

/// The build that serves reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Active {
    pub build: Build,
    pub projection_version: i32,
}

/// The active build of view `orders`.
pub async fn active(session: &Session) -> Result<Active> {
    active_on(&session.client).await
}

pub(crate) async fn active_on(client: &Client) -> Result<Active> {
    let row = client
        .query_one(
            "/* views::builds::active */ SELECT id, projection_version FROM public.builds WHERE view = $1 AND state = 'active'",
            &[&ORDERS],
        )
        .await
        .map_err(Error::during("reading the active build"))?;
    Ok(Active { build: Build(row.get(0)), projection_version: row.get(1) })
}

/// Makes build 1, active and empty, so that there is always an active build.
pub(crate) async fn ensure_first(session: &mut Session) -> Result<()> {
    session
        .run_tx("making the first build", |tx| {
            async move {
                let made: bool = tx
                    .query_one(
                        "/* views::builds::ensure_first */ SELECT EXISTS (SELECT FROM public.builds WHERE view = $1)",
                        &[&ORDERS],
                    )
                    .await
                    .map_err(Error::during("looking for builds"))?
                    .get(0);
                if made {
                    return Ok(());
                }
                let build = create(tx).await?;
                add_indexes(tx, build).await?;
                activate(tx, build).await
            }
            .scope_boxed()
        })
        .await
}

/// Makes a build's row, schema and tables, without the indexes.
pub(crate) async fn create(tx: &Transaction<'_>) -> Result<Build> {
    let build = tx
        .query_one(
            "/* views::builds::create */ INSERT INTO public.builds (view, projection_version, state)
             VALUES ($1, $2, 'building') RETURNING id",
            &[&ORDERS, &PROJECTION_VERSION],
        )
        .await
        .map_err(Error::during("recording a new build"))?
        .get(0);
    let build = Build(build);
    tx.batch_execute(&for_build(include_str!("build/tables.sql"), build))
        .await
        .map_err(Error::during("making a build's tables"))?;
    Ok(build)
}

/// Makes a build's tables ready to serve.
async fn add_indexes(tx: &Transaction<'_>, build: Build) -> Result<()> {
    add_history_indexes(tx, build).await?;
    add_orders_indexes(tx, build).await
}

pub(crate) async fn add_history_indexes(tx: &Transaction<'_>, build: Build) -> Result<()> {
    tx.batch_execute(&for_build(include_str!("build/history_indexes.sql"), build))
        .await
        .map_err(Error::during("making the indexes of a build's history"))
}

pub(crate) async fn add_orders_indexes(tx: &Transaction<'_>, build: Build) -> Result<()> {
    tx.batch_execute(&for_build(include_str!("build/orders_indexes.sql"), build))
        .await
        .map_err(Error::during("making the indexes of a build's orders"))
}

/// Points reads and the public views to `build`, and supersedes the active one. The caller holds the
/// locks that keep writers away.
pub(crate) async fn activate(tx: &Transaction<'_>, build: Build) -> Result<()> {
    tx.execute(
        "/* views::builds::activate */ UPDATE public.builds SET state = 'superseded', superseded_at = now()
         WHERE view = $1 AND state = 'active'",
        &[&ORDERS],
    )
    .await
    .map_err(Error::during("superseding the active build"))?;
    tx.execute(
        "/* views::builds::activate */ UPDATE public.builds SET state = 'active', activated_at = now() WHERE id = $1",
        &[&build.0],
    )
    .await
    .map_err(Error::during("activating a build"))?;
    tx.batch_execute(&for_build(include_str!("build/public.sql"), build))
        .await
        .map_err(Error::during("pointing the public views to a build"))
}

/// Drops a build's tables. Its row stays as a record; it is locked first, because a decision locks it
/// before it writes to the tables.
pub(crate) async fn discard(tx: &Transaction<'_>, build: Build) -> Result<()> {
    tx.execute(
        "/* views::builds::discard */ UPDATE public.builds SET state = 'dropped' WHERE id = $1",
        &[&build.0],
    )
    .await
    .map_err(Error::during("recording a dropped build"))?;
    tx.batch_execute(&for_build("/* views::builds::discard */ DROP SCHEMA IF EXISTS {build} CASCADE", build))
        .await
        .map_err(Error::during("dropping a build's tables"))
}
