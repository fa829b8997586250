//! `POST /dead-letters/retry?cause=`.

use std::time::{Duration, Instant};

use ::dead_letters::Reason;
use axum::extract::{FromRequest, Request, State};
use axum::response::Response;

use super::BulkReport;
use super::decide::Decision;
use super::list::cause;
use crate::answer::Freshness;
use crate::body::JsonBody;
use crate::problem::Problem;
use crate::query::Query;
use crate::state::AppState;

/// Less than a request may take, by the time of one more transaction.
const BUDGET: Duration = Duration::from_secs(6);

/// Retry all open dead letters of a cause
///
/// Some at a time, each with a decision of its own; after some seconds the rest is left for another call.
#[utoipa::path(
    post, path = "/dead-letters/retry", tag = "dead-letters", operation_id = "retryDeadLetters", request_body = Decision,
    params(("cause" = String, Query, description = "Which dead letters", example = "too_large")),
    security(("admin_token" = [])),
    responses((status = 200, description = "How many were retried, applied, and refused again", body = BulkReport))
)]
pub async fn retry_all(State(state): State<AppState>, request: Request) -> Result<Response, Problem> {
    state.admin.check(request.headers())?;
    let query = Query::parse(request.uri().query(), &[&["cause"]])?;
    let cause = query.get("cause").map(cause).transpose()?;
    let cause = cause.ok_or_else(|| Problem::bad_request("cause is missing: it says which dead letters"))?;
    let JsonBody(decision) = JsonBody::<Decision>::from_request(request, &()).await?;
    let reason = Reason::optional(decision.reason.as_deref())?;
    let _place = state.decisions.acquire().await;
    let reader = state.reader()?;
    let report = state.desk.retry_all(reader, cause, &reason, Instant::now() + BUDGET).await?;
    Freshness::of(&reader.head().await?, &state.lag).json(&report)
}
