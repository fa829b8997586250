//! The row of a rebuild: its state, what drives it, and what it reports.

use std::fmt;
use std::str::FromStr;

use orders::Time;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio_postgres::Row;

use crate::Build;
use crate::error::{Error, Result};
use crate::session::Session;
use crate::sql::Timestamptz;

/// Where a rebuild stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Planned,
    Loading,
    Deriving,
    CatchingUp,
    Verifying,
    Ready,
    Switching,
    Active,
    Cancelled,
    Failed,
    Superseded,
    RolledBack,
}

impl State {
    pub const ALL: [Self; 12] = [
        Self::Planned,
        Self::Loading,
        Self::Deriving,
        Self::CatchingUp,
        Self::Verifying,
        Self::Ready,
        Self::Switching,
        Self::Active,
        Self::Cancelled,
        Self::Failed,
        Self::Superseded,
        Self::RolledBack,
    ];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Loading => "loading",
            Self::Deriving => "deriving",
            Self::CatchingUp => "catching_up",
            Self::Verifying => "verifying",
            Self::Ready => "ready",
            Self::Switching => "switching",
            Self::Active => "active",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
            Self::Superseded => "superseded",
            Self::RolledBack => "rolled_back",
        }
    }

    /// Whether there is work left: such a rebuild keeps others of its view away.
    #[must_use]
    pub fn is_unfinished(self) -> bool {
        !matches!(self, Self::Active | Self::Cancelled | Self::Failed | Self::Superseded | Self::RolledBack)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for State {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| Error::Unusable(format!("a rebuild of another version is {text:?}")))
    }
}

/// What happens after a build was verified.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SwitchMode {
    /// It is switched in.
    #[default]
    Auto,
    /// It waits in `ready`.
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
    pub dry_run: bool,
    pub reason: Option<String>,
    pub plan: Option<Value>,
    pub progress: Option<Value>,
    pub differences: Option<Value>,
    pub runner: Option<String>,
    pub requested_at: Time,
    pub updated_at: Time,
    pub finished_at: Option<Time>,
}

const COLUMNS: &str = "id, view, build, state, switch, dry_run, reason, plan, progress, differences, runner, \
                       requested_at, updated_at, finished_at";

impl RebuildRow {
    fn of(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.get("id"),
            view: row.get("view"),
            build: row.get::<_, Option<i64>>("build").map(Build),
            state: row.get::<_, &str>("state").parse()?,
            switch: match row.get::<_, &str>("switch") {
                "manual" => SwitchMode::Manual,
                _ => SwitchMode::Auto,
            },
            dry_run: row.get("dry_run"),
            reason: row.get("reason"),
            plan: row.get("plan"),
            progress: row.get("progress"),
            differences: row.get("differences"),
            runner: row.get("runner"),
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
    let statement = format!("/* views::rebuild */ SELECT {COLUMNS} FROM public.rebuilds {rest}");
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

/// The unfinished one of a view; there is never more than one.
pub async fn running(session: &Session, view: &str) -> Result<Option<RebuildRow>> {
    let unfinished = "WHERE view = $1 AND NOT dry_run AND state IN ('planned', 'loading', 'deriving', 'catching_up', \
                      'verifying', 'ready', 'switching')";
    Ok(select(session, unfinished, &[&view]).await?.pop())
}

/// The last one that was switched in: what the next one's time is estimated by.
pub async fn last_finished(session: &Session, view: &str) -> Result<Option<RebuildRow>> {
    let finished = "WHERE view = $1 AND state IN ('active', 'superseded', 'rolled_back') AND progress IS NOT NULL \
                    ORDER BY id DESC LIMIT 1";
    Ok(select(session, finished, &[&view]).await?.pop())
}

/// What a new row says.
#[derive(Clone, Debug)]
pub struct NewRebuild<'a> {
    pub view: &'a str,
    pub switch: SwitchMode,
    pub runner: &'a str,
}

/// Records a rebuild, planned. Refused by the unique index while another one of the view is unfinished.
pub async fn insert(session: &Session, new: &NewRebuild<'_>) -> Result<i64> {
    let row = session
        .client
        .query_one(
            "/* views::rebuild::insert */ INSERT INTO public.rebuilds (view, state, switch, dry_run, runner)
             VALUES ($1, 'planned', $2, false, $3) RETURNING id",
            &[&new.view, &new.switch.as_str(), &new.runner],
        )
        .await
        .map_err(Error::during("recording a rebuild"))?;
    Ok(row.get(0))
}

/// Records a dry run with its plan, or with why it was refused.
pub async fn insert_finished(
    session: &Session,
    new: &NewRebuild<'_>,
    plan: &Value,
    refused: Option<&str>,
) -> Result<i64> {
    let state = if refused.is_some() { State::Failed } else { State::Planned };
    let row = session
        .client
        .query_one(
            "/* views::rebuild::insert_finished */
             INSERT INTO public.rebuilds (view, state, switch, dry_run, runner, plan, reason, finished_at)
             VALUES ($1, $2, $3, true, $4, $5, $6, now()) RETURNING id",
            &[&new.view, &state.as_str(), &new.switch.as_str(), &new.runner, plan, &refused],
        )
        .await
        .map_err(Error::during("recording a dry run"))?;
    Ok(row.get(0))
}
