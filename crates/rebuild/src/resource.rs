//! A rebuild as its readers see it.

use orders::Time;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use views::rebuild::{RebuildRow, State, SwitchMode};
use views::{Database, SessionKind};

use crate::differences::Differences;
use crate::error::Result;
use crate::plan::Plan;
use crate::progress::Progress;

#[derive(Clone, Debug, Serialize)]
pub struct RebuildView {
    pub id: i64,
    pub view: String,
    pub state: State,
    /// The build that is being made; null while planned.
    pub build: Option<i64>,
    pub switch: SwitchMode,
    pub dry_run: bool,
    /// Why it failed or was cancelled.
    pub reason: Option<String>,
    pub plan: Option<Plan>,
    pub progress: Option<Progress>,
    pub differences: Option<Differences>,
    /// The process that drives it, or did last.
    pub runner: Option<String>,
    pub requested_at: Time,
    pub updated_at: Time,
    pub finished_at: Option<Time>,
}

impl From<RebuildRow> for RebuildView {
    fn from(row: RebuildRow) -> Self {
        Self {
            id: row.id,
            view: row.view,
            state: row.state,
            build: row.build.map(|build| build.0),
            switch: row.switch,
            dry_run: row.dry_run,
            reason: row.reason,
            plan: read(row.plan),
            progress: read(row.progress),
            differences: read(row.differences),
            runner: row.runner,
            requested_at: row.requested_at,
            updated_at: row.updated_at,
            finished_at: row.finished_at,
        }
    }
}

/// What another version wrote in another form is left out.
fn read<T: DeserializeOwned>(value: Option<Value>) -> Option<T> {
    serde_json::from_value(value?).ok()
}

/// One rebuild; `None`: there is none of that id.
pub async fn get(database: &Database, id: i64) -> Result<Option<RebuildView>> {
    let session = database.session("food-orders rebuilds", SessionKind::Short).await?;
    Ok(views::rebuild::get(&session, id).await?.map(RebuildView::from))
}

/// The newest first.
pub async fn list(database: &Database, limit: i64) -> Result<Vec<RebuildView>> {
    let session = database.session("food-orders rebuilds", SessionKind::Short).await?;
    let rows = views::rebuild::list(&session, limit).await?;
    Ok(rows.into_iter().map(RebuildView::from).collect())
}
