//! Planning: what a rebuild will take, and whether it can be carried out.

mod checks;
mod early_comparison;
mod estimate;
mod free_space;
mod survey;

use views::Session;

use crate::error::Result;
use crate::failure::Failure;
use crate::log_comparison::{self, read_log};
use crate::outcome::FailureCause;
use crate::plan::Plan;
use crate::settings::Settings;

use survey::Survey;

/// What the plan is made for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Purpose<'a> {
    pub(crate) view: &'a str,
    /// A dry run reads the log in any case, and a rebuild only if the log may have lost records that do not
    /// lie at its beginning.
    pub(crate) is_dry_run: bool,
    /// Whether what the log has lost is taken over from the live build.
    pub(crate) keeps_history: bool,
}

/// Looks at the log and at the live build, and changes nothing. Returns the plan, and why it
/// cannot be carried out if it cannot.
pub(crate) async fn make(
    settings: &Settings,
    session: &Session,
    purpose: Purpose<'_>,
) -> Result<(Plan, Option<Failure>)> {
    let survey = Survey::make(settings, session, purpose.view).await?;
    let mut plan = survey.plan();
    if let Some(refusal) = checks::refusal(&plan, &survey, purpose.keeps_history) {
        return Ok((plan, Some(refusal)));
    }
    if !purpose.is_dry_run && survey.is_cleaned_by_deleting_only() {
        return Ok((plan, None));
    }
    let checkpoints = survey.live_build.log_checkpoints(session).await?;
    let live = read_log(&survey.live, checkpoints);
    let comparison = early_comparison::compare(&settings.kafka, live, &plan.begins()).await?;
    let differences = &comparison.differences;
    let is_refused =
        !differences.is_empty() && (!purpose.keeps_history || log_comparison::has_more(differences));
    let refusal = is_refused
        .then(|| Failure::new(FailureCause::Log, log_comparison::describe(&plan.topic, differences)));
    plan.log_comparison = Some(comparison);
    Ok((plan, refusal))
}
