//! `POST /dead-letters/{id}/retry` and `/discard`.

use ::dead_letters::{DeadLetterId, Reason};
use axum::RequestExt;
use axum::extract::{FromRequest, Path, Request, State};
use axum::response::Response;
use serde::Deserialize;

use super::{DeadLetter, dead_letter_id, one};
use crate::body::JsonBody;
use crate::problem::Problem;
use crate::query::Query;
use crate::state::AppState;

/// Why it was decided so.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// 1 to 1000 characters. A discard needs one.
    #[schema(example = "the producer has sent it again, right")]
    pub(super) reason: Option<String>,
}

/// Decode a dead letter's record again, and apply it
///
/// The same bytes as before: for when the program was mended, or a limit raised. Applied in one transaction to every
/// build that has the dead letter.
#[utoipa::path(
    post, path = "/dead-letters/{id}/retry", tag = "dead-letters", operation_id = "retryDeadLetter", request_body = Decision,
    params(("id" = String, Path, description = "PARTITION-OFFSET of its record, such as 3-1207")),
    security(("admin_token" = [])),
    responses(
        (status = 200, description = "Applied; the dead letter, with the decision's number", body = DeadLetter),
        (status = 409, description = "It is closed already (dead-letter-closed), or the log no longer has its whole record \
            (record-gone)", body = crate::problem::ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "Refused again; cause says why. Nothing has changed",
            body = crate::problem::ProblemBody, content_type = "application/problem+json")
    )
)]
pub async fn retry(State(state): State<AppState>, request: Request) -> Result<Response, Problem> {
    let (id, decision) = asked(&state, request).await?;
    let reason = Reason::optional(decision.reason.as_deref())?;
    let _place = state.decisions.acquire().await;
    state.desk.retry(state.reader()?, id, &reason).await?;
    one::read(&state, id, true).await
}

/// Close a dead letter whose record stays out
///
/// In every build, and in those that are made later. To correct an event append a right one.
#[utoipa::path(
    post, path = "/dead-letters/{id}/discard", tag = "dead-letters", operation_id = "discardDeadLetter", request_body = Decision,
    params(("id" = String, Path, description = "PARTITION-OFFSET of its record, such as 3-1207")),
    security(("admin_token" = [])),
    responses(
        (status = 200, description = "Closed; the dead letter, with the decision's number", body = DeadLetter),
        (status = 409, description = "It is closed already (dead-letter-closed)", body = crate::problem::ProblemBody,
            content_type = "application/problem+json")
    )
)]
pub async fn discard(State(state): State<AppState>, request: Request) -> Result<Response, Problem> {
    let (id, decision) = asked(&state, request).await?;
    let reason = Reason::required(decision.reason.as_deref())?;
    let _place = state.decisions.acquire().await;
    state.reader()?;
    state.desk.discard(id, &reason).await?;
    one::read(&state, id, true).await
}

async fn asked(state: &AppState, mut request: Request) -> Result<(DeadLetterId, Decision), Problem> {
    // Before anything else is looked at: whoever may not ask learns nothing more.
    state.admin.check(request.headers())?;
    Query::parse(request.uri().query(), &[])?;
    let id = dead_letter_id(request.extract_parts::<Path<String>>().await)?;
    let JsonBody(decision) = JsonBody::<Decision>::from_request(request, &()).await?;
    Ok((id, decision))
}
