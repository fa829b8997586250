//! `/dead-letters`.

mod bulk;
mod decide;
mod list;
mod one;

use ::dead_letters::DeadLetterId;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::{HeaderMap, header};
use orders::Cause;
use utoipa::{IntoParams, Modify};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use views::dead_letters::BadDeadLetterId;

use crate::body::OptionalBody;
use crate::problem::Problem;
use crate::state::AppState;

pub fn routes() -> OpenApiRouter<AppState> {
    let mut retries =
        OpenApiRouter::default().routes(routes!(bulk::retry_all)).routes(routes!(decide::retry));
    OptionalBody.modify(retries.get_openapi_mut());
    OpenApiRouter::default()
        .routes(routes!(list::get))
        .routes(routes!(one::get))
        .merge(retries)
        .routes(routes!(decide::discard))
}

/// The path of one dead letter.
#[derive(serde::Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct DeadLetterPath {
    /// PARTITION-OFFSET of the record.
    #[param(pattern = "^[0-9]+-[0-9]+$", example = "3-1207")]
    id: String,
}

fn dead_letter_id(path: Result<Path<DeadLetterPath>, PathRejection>) -> Result<DeadLetterId, Problem> {
    let Ok(Path(DeadLetterPath { id })) = path else {
        return Err(Problem::bad_request("the path is not valid UTF-8"));
    };
    id.parse().map_err(|error: BadDeadLetterId| Problem::bad_request(error.to_string()))
}

/// The value of a parameter `cause`.
fn cause(text: &str) -> Result<Cause, Problem> {
    text.parse().map_err(|error| Problem::bad_request(format!("cause: {error}")))
}

/// Whether the client may see keys, payloads and the values of headers. A wrong token is refused, so that nobody
/// takes the answer without bytes for the complete one; the read token is not wrong.
fn may_see_bytes(state: &AppState, headers: &HeaderMap) -> Result<bool, Problem> {
    if !headers.contains_key(header::AUTHORIZATION) || state.tokens.is_read_token(headers) {
        return Ok(false);
    }
    state.tokens.check_admin(headers).map(|()| true)
}
