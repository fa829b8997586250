//! Planning a rebuild without starting it.

use serde::Serialize;
use views::Parts;
use views::rebuild::State;

use crate::error::Result;
use crate::outcome::FailureCause;
use crate::ownership::{check_view, open_session};
use crate::plan::Plan;
use crate::planning::{self, Purpose};
use crate::settings::{Request, Settings};

/// What a dry run found out. It is not a rebuild: it has no id, and is recorded nowhere.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = RebuildDryRun))]
pub struct DryRun {
    #[cfg_attr(feature = "openapi", schema(schema_with = views::openapi::view_name))]
    pub view: String,
    /// Always true; a rebuild does not have this member.
    pub dry_run: bool,
    /// `planned` if the plan can be carried out, else `failed`.
    pub state: State,
    /// Why records that the log no longer holds would be taken over from the live build; null: they would not.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub keep_history: Option<String>,
    /// Into how many parts the tables of the new build would be divided; null: as many as those of the live build.
    #[cfg_attr(feature = "openapi", schema(required, value_type = Option<i64>, minimum = 1, maximum = 32))]
    pub parts: Option<Parts>,
    /// Why the plan cannot be carried out.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub reason: Option<String>,
    pub plan: Plan,
    /// Which kind of reason that is.
    #[serde(skip)]
    pub refused: Option<FailureCause>,
}

/// Plans a rebuild, and changes nothing.
pub async fn dry_run(settings: &Settings, request: &Request) -> Result<DryRun> {
    check_view(&request.view)?;
    let session = open_session(settings).await?;
    let purpose =
        Purpose { view: &request.view, is_dry_run: true, keeps_history: request.keep_history.is_some() };
    let (plan, refusal) = planning::make(settings, &session, purpose).await?;
    Ok(DryRun {
        view: request.view.clone(),
        dry_run: true,
        state: if refusal.is_some() { State::Failed } else { State::Planned },
        keep_history: request.keep_history.clone(),
        parts: request.parts,
        refused: refusal.as_ref().map(|refusal| refusal.cause),
        reason: refusal.map(|refusal| refusal.reason),
        plan,
    })
}
