//! `POST /dead-letters/retry?cause=`.

use std::time::{Duration, Instant};

use ::dead_letters::{BulkRetryReport, Reason};
use axum::extract::{FromRequest, Request, State};
use axum::response::Response;
use orders::Cause;

use super::cause;
use super::decide::Retry;
use crate::answer::Freshness;
use crate::body::JsonBody;
use crate::problem::{AnyRequest, Guarded, Problem, Problems, WithBody};
use crate::query::{InQuery, Parameter, ParameterSet, Query, schema_of};
use crate::state::AppState;

/// No transaction begins later than this, so that the last one ends before the deadline of the request.
const BUDGET: Duration = Duration::from_secs(6);

pub enum BulkParameters {}

impl ParameterSet for BulkParameters {
    const ALL: &'static [Parameter] = &[Parameter {
        name: "cause",
        about: "Which open dead letters are retried: those of this cause.",
        schema: schema_of::<Cause>,
    }];
    const REQUIRED: &'static [&'static str] = &["cause"];
}

/// Retry all open dead letters of a cause
///
/// Each gets a decision of its own. A call takes a few seconds at most. If it did not reach all of them, `complete`
/// is false, and another call continues.
#[utoipa::path(
    post, path = "/dead-letters/retry", tag = "dead-letters", operation_id = "retryDeadLetters",
    params(InQuery<BulkParameters>), request_body = Retry,
    security(("admin_token" = [])),
    responses(
        (status = 200, description = "How many dead letters were retried, and with which result.",
            body = BulkRetryReport),
        Problems<AnyRequest>, Problems<Guarded>, Problems<WithBody>
    )
)]
pub async fn retry_all(State(state): State<AppState>, request: Request) -> Result<Response, Problem> {
    state.tokens.check_admin(request.headers())?;
    let query = Query::parse(request.uri().query(), &[BulkParameters::ALL])?;
    let cause = query.get("cause").map(cause).transpose()?;
    let cause = cause.ok_or_else(|| {
        Problem::bad_request("parameter cause is missing; it says which dead letters are retried")
    })?;
    let JsonBody(Retry { reason }) = JsonBody::<Retry>::from_request(request, &()).await?;
    let reason = Reason::optional(reason.as_deref())?;
    let _permit = state.decisions.acquire().await;
    let reader = state.reader()?;
    let report = state.operator.retry_all(reader, cause, &reason, Instant::now() + BUDGET).await?;
    Freshness::of(&reader.head().await?, &state.lag).json(&report)
}
