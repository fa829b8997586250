//! The builds that a decision is applied to. Their states are locked until its transaction ends.

use tokio_postgres::Transaction;

use crate::error::{Error, Result};
use crate::rebuild::State;
use crate::{Build, ORDERS, PROJECTION_VERSION};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) build: Build,
    pub(super) is_active: bool,
    /// Its orders will be derived from its history later.
    pub(super) history_only: bool,
}

/// All builds that have tables. A build that is created during the transaction is empty, and its writers
/// read the decisions before they commit a batch.
pub(super) async fn lock(tx: &Transaction<'_>) -> Result<Vec<Target>> {
    let during = Error::during("looking for the builds to decide in");
    // A switch locks the active build's row FOR UPDATE, so this and a switch wait for each other.
    let rows = tx
        .query(
            "/* views::dead_letters::builds::lock */ SELECT id, state, projection_version FROM public.builds
             WHERE view = $1 ORDER BY id FOR SHARE",
            &[&ORDERS],
        )
        .await
        .map_err(&during)?;
    let mut targets = Vec::new();
    for row in &rows {
        let (build, state, version): (_, &str, i32) = (Build(row.get(0)), row.get(1), row.get(2));
        let is_active = state == "active";
        match state {
            "dropped" => continue,
            "active" if version != PROJECTION_VERSION => {
                return Err(Error::ProjectionVersion { build, found: version });
            }
            _ if version != PROJECTION_VERSION => {
                // Its tables may mean something else; only a program of that version can make it active again.
                tracing::warn!(%build, version, "the decision is not applied to a build of another projection version");
                continue;
            }
            _ => {}
        }
        let history_only = state == "building" && is_being_loaded(tx, build).await?;
        targets.push(Target { build, is_active, history_only });
    }
    Ok(targets)
}

/// Whether the build's orders are still to be derived. Its rebuild cannot move on before the decision is
/// committed, and merges the retried records into the orders afterwards.
async fn is_being_loaded(tx: &Transaction<'_>, build: Build) -> Result<bool> {
    let row = tx
        .query_opt(
            "/* views::dead_letters::builds::is_being_loaded */ SELECT id, state FROM public.rebuilds WHERE build = $1
             ORDER BY id DESC LIMIT 1 FOR SHARE",
            &[&build.0],
        )
        .await
        .map_err(Error::during("looking how far a rebuild is"))?;
    let Some(row) = row else { return Ok(false) };
    let state: State = row
        .get::<_, &str>(1)
        .parse()
        .map_err(|error| Error::DamagedRebuild { id: row.get(0), cause: format!("column state: {error}") })?;
    Ok(matches!(state, State::Planned | State::Loading | State::Deriving))
}
