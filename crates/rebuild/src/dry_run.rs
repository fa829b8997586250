//! Planning a rebuild without starting it.

use views::rebuild::{self as rows, NewRebuild};

use crate::error::{Error, Result};
use crate::json::to_json;
use crate::outcome::FailureCause;
use crate::ownership::{check_view, open_session, owner_name};
use crate::planning::{self, Purpose};
use crate::resource::RebuildView;
use crate::settings::{Request, Settings};

/// What a dry run found out.
#[derive(Clone, Debug)]
pub struct DryRun {
    pub rebuild: RebuildView,
    /// Why the plan cannot be carried out, if it cannot; the rebuild's reason has the numbers.
    pub refused: Option<FailureCause>,
}

/// Plans a rebuild and records the plan. Nothing else changes.
pub async fn dry_run(settings: &Settings, request: &Request) -> Result<DryRun> {
    check_view(&request.view)?;
    let session = open_session(settings).await?;
    let keep_history = request.keep_history.as_deref();
    let purpose = Purpose { view: &request.view, is_dry_run: true, keeps_history: keep_history.is_some() };
    let (plan, refusal) = planning::make(settings, &session, purpose).await?;
    let runner = owner_name(settings);
    let parts = request.parts;
    let new =
        NewRebuild { view: &request.view, switch: request.switch, keep_history, parts, runner: &runner };
    let reason = refusal.as_ref().map(|refusal| refusal.reason.as_str());
    let rebuild = rows::insert_finished(&session, &new, &to_json(&plan), reason).await?;
    let row = rows::get(&session, rebuild).await?.ok_or(Error::RowDeleted { rebuild })?;
    Ok(DryRun { rebuild: row.into(), refused: refusal.map(|refusal| refusal.cause) })
}
