//! The row of a rebuild: what it is to do, where it stands, and what it reports.

use orders::Time;
use scoped_futures::ScopedFutureExt;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio_postgres::Row;

use super::state::State;
use crate::error::{Error, Result};
use crate::session::Session;
use crate::sql::Timestamptz;
use crate::{Build, Parts};

/// What happens to a build that was verified.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum SwitchMode {
    /// It is switched in at once.
    #[default]
    Auto,
    /// It waits in state `ready`.
    Manual,
}

impl SwitchMode {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Manual => "manual",
        }
    }
}

#[derive(Clone, Debug)]
pub struct RebuildRow {
    pub id: i64,
    pub view: String,
    pub build: Option<Build>,
    pub state: State,
    pub switch: SwitchMode,
    /// The operator's reason for keeping what the log no longer holds; `None`: it is not kept.
    pub keep_history: Option<String>,
    /// Into how many parts the new build is to be divided; `None`: as many as the live one.
    pub parts: Option<Parts>,
    pub reason: Option<String>,
    pub plan: Option<Value>,
    pub progress: Option<Value>,
    pub differences: Option<Value>,
    /// Up to where the build was verified.
    pub verified: Option<Value>,
    pub runner: Option<String>,
    /// The program in which somebody has asked to cancel it.
    pub cancel_requested_by: Option<String>,
    pub requested_at: Time,
    pub updated_at: Time,
    pub finished_at: Option<Time>,
}

const COLUMNS: &str = "id, view, build, state, switch, keep_history, parts, reason, plan, progress, differences, verified, runner, \
                       cancel_requested_by, requested_at, updated_at, finished_at";

impl RebuildRow {
    fn of(row: &Row) -> Result<Self> {
        let id = row.get("id");
        let state = row
            .get::<_, &str>("state")
            .parse()
            .map_err(|error| Error::DamagedRebuild { id, cause: format!("column state: {error}") })?;
        Ok(Self {
            id,
            view: row.get("view"),
            build: row.get::<_, Option<i64>>("build").map(Build),
            state,
            switch: match row.get::<_, &str>("switch") {
                "manual" => SwitchMode::Manual,
                _ => SwitchMode::Auto,
            },
            keep_history: row.get("keep_history"),
            parts: row.get::<_, Option<i16>>("parts").map(Parts::of_column),
            reason: row.get("reason"),
            plan: row.get("plan"),
            progress: row.get("progress"),
            differences: row.get("differences"),
            verified: row.get("verified"),
            runner: row.get("runner"),
            cancel_requested_by: row.get("cancel_requested_by"),
            requested_at: row.get::<_, Timestamptz>("requested_at").0,
            updated_at: row.get::<_, Timestamptz>("updated_at").0,
            finished_at: row.get::<_, Option<Timestamptz>>("finished_at").map(|time| time.0),
        })
    }
}

async fn select(
    session: &Session,
    rest: &str,
    values: &[&(dyn tokio_postgres::types::ToSql + Sync)],
) -> Result<Vec<RebuildRow>> {
    let statement = format!("/* views::rebuild::row::select */ SELECT {COLUMNS} FROM public.rebuilds {rest}");
    let rows =
        session.client.query(&statement, values).await.map_err(Error::during("reading the rebuilds"))?;
    rows.iter().map(RebuildRow::of).collect()
}

pub async fn get(session: &Session, id: i64) -> Result<Option<RebuildRow>> {
    Ok(select(session, "WHERE id = $1", &[&id]).await?.pop())
}

/// The newest first.
pub async fn list(session: &Session, limit: i64) -> Result<Vec<RebuildRow>> {
    select(session, "ORDER BY id DESC LIMIT $1", &[&limit]).await
}

/// The unfinished rebuild of a view; there is never more than one.
pub async fn running(session: &Session, view: &str) -> Result<Option<RebuildRow>> {
    let unfinished = "WHERE view = $1 AND state IN ('planned', 'loading', 'deriving', 'catching_up', 'verifying', 'ready', \
                      'switching')";
    Ok(select(session, unfinished, &[&view]).await?.pop())
}

/// The latest rebuild that was switched in, by which the duration of the next one is estimated.
pub async fn last_finished(session: &Session, view: &str) -> Result<Option<RebuildRow>> {
    let finished = "WHERE view = $1 AND state IN ('active', 'superseded', 'rolled_back') AND progress IS NOT NULL \
                    ORDER BY id DESC LIMIT 1";
    Ok(select(session, finished, &[&view]).await?.pop())
}

/// A rebuild that is to be recorded.
#[derive(Clone, Debug)]
pub struct NewRebuild<'a> {
    pub view: &'a str,
    pub switch: SwitchMode,
    pub keep_history: Option<&'a str>,
    pub parts: Option<Parts>,
    pub runner: &'a str,
}

/// Records a planned rebuild. A unique index refuses it while another one of the view is unfinished.
pub async fn insert(session: &Session, new: &NewRebuild<'_>) -> Result<i64> {
    let row = session
        .client
        .query_one(
            "/* views::rebuild::row::insert */ INSERT INTO public.rebuilds (view, state, switch, runner, keep_history, parts)
             VALUES ($1, 'planned', $2, $3, $4, $5) RETURNING id",
            &[
                &new.view,
                &new.switch.as_str(),
                &new.runner,
                &new.keep_history,
                &new.parts.map(Parts::count),
            ],
        )
        .await
        .map_err(Error::during("recording a rebuild"))?;
    Ok(row.get(0))
}

/// How long a request to cancel waits for a lock on the row.
const REQUEST_LOCK_TIMEOUT: &str = "5s";

/// Asks the process that drives a rebuild to cancel it. From now on the rebuild does not move to another state. False,
/// and nothing happens, if it has ended or does not exist.
pub async fn request_cancel(session: &mut Session, id: i64, program: &str) -> Result<bool> {
    let attempt = "asking to cancel a rebuild";
    let during = &Error::during(attempt);
    session
        .run_once(attempt, |tx| {
            async move {
                tx.batch_execute(&format!(
                    "/* views::rebuild::row::request_cancel */ SET LOCAL lock_timeout = '{REQUEST_LOCK_TIMEOUT}'"
                ))
                .await
                .map_err(during)?;
                let asked = tx
                    .execute(
                        "/* views::rebuild::row::request_cancel */ UPDATE public.rebuilds
                         SET cancel_requested_by = COALESCE(cancel_requested_by, $2), updated_at = now()
                         WHERE id = $1 AND state NOT IN ('active', 'cancelled', 'failed', 'superseded', 'rolled_back')",
                        &[&id, &program],
                    )
                    .await
                    .map_err(during)?;
                Ok(asked == 1)
            }
            .scope_boxed()
        })
        .await
}
