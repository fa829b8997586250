//! Planning: what a rebuild will take, and whether it can be carried out.

mod checks;
mod estimate;
mod free_space;
mod survey;

use views::Session;

use crate::error::Result;
use crate::failure::Failure;
use crate::plan::Plan;
use crate::settings::Settings;

use survey::Survey;

/// Looks at the log and at the live build, and changes nothing. Returns the plan, and why it
/// cannot be carried out if it cannot.
pub(crate) async fn make(
    settings: &Settings,
    session: &Session,
    view: &str,
) -> Result<(Plan, Option<Failure>)> {
    let survey = Survey::make(settings, session, view).await?;
    let plan = survey.plan();
    let refusal = checks::refusal(&plan, &survey);
    Ok((plan, refusal))
}
