//! A rebuild as the API answers it and the command line prints it.

use orders::Time;
use serde::Serialize;
use views::rebuild::{RebuildRow, State, SwitchMode};
use views::{Database, Parts, SessionKind};

use crate::differences::Differences;
use crate::error::Result;
use crate::json::from_json;
use crate::plan::Plan;
use crate::progress::Progress;

/// One rebuild of a view.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Rebuild))]
pub struct RebuildView {
    pub id: i64,
    #[cfg_attr(feature = "openapi", schema(schema_with = views::openapi::view_name))]
    pub view: String,
    pub state: State,
    /// The build that this rebuild makes; null while it is planned.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub build: Option<i64>,
    pub switch: SwitchMode,
    /// Why records that the log no longer holds are taken over from the live build; null: they are not.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub keep_history: Option<String>,
    /// Into how many parts the tables of the new build are divided; null: as many as those of the live build.
    #[cfg_attr(feature = "openapi", schema(required, value_type = Option<i64>, minimum = 1, maximum = 32))]
    pub parts: Option<Parts>,
    /// Why it failed or was cancelled.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub reason: Option<String>,
    #[cfg_attr(feature = "openapi", schema(required))]
    pub plan: Option<Plan>,
    #[cfg_attr(feature = "openapi", schema(required))]
    pub progress: Option<Progress>,
    #[cfg_attr(feature = "openapi", schema(required))]
    pub differences: Option<Differences>,
    /// The process that drives the rebuild, or was the last to do so.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub runner: Option<String>,
    /// The program in which somebody has asked to cancel it; null: nobody has.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub cancel_requested_by: Option<String>,
    pub requested_at: Time,
    pub updated_at: Time,
    #[cfg_attr(feature = "openapi", schema(required))]
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
            keep_history: row.keep_history,
            parts: row.parts,
            reason: row.reason,
            plan: from_json(row.plan),
            progress: from_json(row.progress),
            differences: from_json(row.differences),
            runner: row.runner,
            cancel_requested_by: row.cancel_requested_by,
            requested_at: row.requested_at,
            updated_at: row.updated_at,
            finished_at: row.finished_at,
        }
    }
}

/// `None` if no rebuild has this id.
pub async fn get(database: &Database, id: i64) -> Result<Option<RebuildView>> {
    let session = database.session("food-orders rebuilds", SessionKind::Short).await?;
    Ok(views::rebuild::get(&session, id).await?.map(RebuildView::from))
}

/// At most `limit` rebuilds, the newest first.
pub async fn list(database: &Database, limit: i64) -> Result<Vec<RebuildView>> {
    let session = database.session("food-orders rebuilds", SessionKind::Short).await?;
    let rows = views::rebuild::list(&session, limit).await?;
    Ok(rows.into_iter().map(RebuildView::from).collect())
}
