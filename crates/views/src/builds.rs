//! Builds: which one of a view is active, and how one is made, activated and dropped.

use scoped_futures::ScopedFutureExt;
use tokio_postgres::{Client, Transaction};

use crate::error::{Error, Recovery, Result};
use crate::session::Session;
use crate::sql::for_build;
use crate::{Build, ORDERS, PROJECTION_VERSION, Part, Parts};

/// The build that serves reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Active {
    pub build: Build,
    pub projection_version: i32,
    /// `None`: nobody has written to the build yet.
    pub max_record_bytes: Option<usize>,
    pub parts: Parts,
}

impl Active {
    /// [`Error::ProjectionVersion`] if this program may not write to the build.
    pub fn check_version(&self) -> Result<()> {
        if self.projection_version == PROJECTION_VERSION {
            return Ok(());
        }
        Err(Error::ProjectionVersion { build: self.build, found: self.projection_version })
    }
}

/// The active build of view `orders`.
pub async fn active(session: &Session) -> Result<Active> {
    active_on(&session.client).await
}

/// Reads something of the active build. If that build is dropped meanwhile, reads it of the one that is active
/// by then; [`Error::TablesGone`] if that is the same.
pub async fn of_active<T>(session: &Session, read: impl AsyncFn(Active) -> Result<T>) -> Result<T> {
    let mut current = active(session).await?;
    loop {
        let error = match read(current).await {
            Err(error) if error.recovery() == Recovery::BuildGone => error,
            result => return result,
        };
        let before = std::mem::replace(&mut current, active(session).await?);
        if current.build == before.build {
            return Err(error.in_active_build());
        }
    }
}

pub(crate) async fn active_on(client: &Client) -> Result<Active> {
    let row = client
        .query_one(
            "/* views::builds::active */ SELECT id, projection_version, max_record_bytes, parts FROM public.builds WHERE view = $1 AND state = 'active'",
            &[&ORDERS],
        )
        .await
        .map_err(Error::during("reading the active build"))?;
    let limit: Option<i32> = row.get(2);
    Ok(Active {
        build: Build(row.get(0)),
        projection_version: row.get(1),
        max_record_bytes: limit.and_then(|limit| usize::try_from(limit).ok()),
        parts: Parts::of_column(row.get(3)),
    })
}

impl Build {
    /// The size limit of the build's records, which stays what it was when the build was first written to. `own` is
    /// the setting of this program; it becomes the limit if the build has none.
    pub async fn max_record_bytes(self, session: &Session, own: usize) -> Result<usize> {
        let during = Error::during("reading the size limit of a build");
        let recorded: Option<i32> = session
            .client
            .query_one(
                "/* views::builds::max_record_bytes */ SELECT max_record_bytes FROM public.builds WHERE id = $1",
                &[&self.0],
            )
            .await
            .map_err(&during)?
            .get(0);
        let limit = match recorded {
            Some(limit) => limit,
            None => session
                .client
                .query_one(
                    "/* views::builds::max_record_bytes */ UPDATE public.builds
                     SET max_record_bytes = COALESCE(max_record_bytes, $2) WHERE id = $1 RETURNING max_record_bytes",
                    &[&self.0, &sql_limit(own)],
                )
                .await
                .map_err(&during)?
                .get(0),
        };
        let limit = usize::try_from(limit).unwrap_or(own);
        if limit != own {
            tracing::warn!(
                build = self.0,
                limit_of_the_build = limit,
                own_setting = own,
                "MAX_RECORD_BYTES differs from the limit that this build was made with, and the limit of the build \
                 counts; a rebuild makes one with another limit"
            );
        }
        Ok(limit)
    }
}

fn sql_limit(bytes: usize) -> i32 {
    i32::try_from(bytes).unwrap_or(i32::MAX)
}

/// Makes build 1, active and empty, so that there is always an active build.
pub(crate) async fn ensure_first(session: &mut Session, parts: Parts) -> Result<()> {
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
                let build = create(tx, None, parts).await?;
                for part in parts.iter() {
                    add_history_indexes(tx, build, part).await?;
                    add_orders_indexes(tx, build, part).await?;
                }
                complete_indexes(tx, build, parts).await?;
                activate(tx, build).await
            }
            .scope_boxed()
        })
        .await
}

/// Makes a build's row, schema and tables, without the indexes. If no size limit is given, the first writer of
/// the build sets it.
pub(crate) async fn create(
    tx: &Transaction<'_>,
    max_record_bytes: Option<usize>,
    parts: Parts,
) -> Result<Build> {
    let build = tx
        .query_one(
            "/* views::builds::create */ INSERT INTO public.builds (view, projection_version, max_record_bytes, parts, state)
             VALUES ($1, $2, $3, $4, 'building') RETURNING id",
            &[&ORDERS, &PROJECTION_VERSION, &max_record_bytes.map(sql_limit), &parts.count()],
        )
        .await
        .map_err(Error::during("recording a new build"))?
        .get(0);
    let build = Build(build);
    tx.batch_execute(&for_build(&tables(parts), build))
        .await
        .map_err(Error::during("making a build's tables"))?;
    Ok(build)
}

fn tables(parts: Parts) -> String {
    let divided = if parts == Parts::ONE { "" } else { "PARTITION BY HASH (order_id)" };
    let mut statements = include_str!("build/tables.sql").replace("{divided}", divided);
    for part in parts.iter() {
        if let Part::Number(number) = part {
            let table = include_str!("build/part.sql").replace("{parts}", &parts.count().to_string());
            statements +=
                &table.replace("{number}", &number.to_string()).replace("{part}", &part.to_string());
        }
        statements += &include_str!("build/storage.sql").replace("{part}", &part.to_string());
    }
    statements
}

pub(crate) async fn add_history_indexes(tx: &Transaction<'_>, build: Build, part: Part) -> Result<()> {
    tx.batch_execute(&part.statement(include_str!("build/history_indexes.sql"), build))
        .await
        .map_err(Error::during("making the indexes of a build's history"))
}

/// Lets tables that are divided take over the indexes of their parts.
pub(crate) async fn complete_indexes(tx: &Transaction<'_>, build: Build, parts: Parts) -> Result<()> {
    if parts != Parts::ONE {
        add_history_indexes(tx, build, Part::All).await?;
        add_orders_indexes(tx, build, Part::All).await?;
    }
    Ok(())
}

pub(crate) async fn add_orders_indexes(tx: &Transaction<'_>, build: Build, part: Part) -> Result<()> {
    tx.batch_execute(&part.statement(include_str!("build/orders_indexes.sql"), build))
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
