//! `POST /dead-letters/{id}/retry` and `/discard`.

use ::dead_letters::{DeadLetterBody, DeadLetterId, Reason};
use axum::RequestExt;
use axum::extract::{FromRequest, Path, Request, State};
use axum::response::Response;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{DeadLetterPath, dead_letter_id, one};
use crate::body::JsonBody;
use crate::problem::{AnyRequest, Guarded, Kind, Named, Problem, ProblemSet, Problems, WithBody};
use crate::query::Query;
use crate::state::AppState;

/// The body of a retry.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RetryRequest)]
pub struct Retry {
    /// Why the record is retried.
    #[schema(max_length = 1000, example = "the size limit was raised")]
    pub(super) reason: Option<String>,
}

/// The body of a discard.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DiscardRequest)]
pub struct Discard {
    /// Why the record stays out of the tables.
    #[schema(required, nullable = false, min_length = 1, max_length = 1000)]
    #[schema(example = "the producer has sent a corrected event")]
    reason: Option<String>,
}

pub enum OfRetry {}

impl ProblemSet for OfRetry {
    const KINDS: &'static [Kind] = &[Kind::DeadLetterClosed, Kind::RecordGone, Kind::StillRefused];
}

pub enum OfDiscard {}

impl ProblemSet for OfDiscard {
    const KINDS: &'static [Kind] = &[Kind::DeadLetterClosed];
}

/// Retry a dead letter: decode its record again, and apply it
///
/// The bytes are the same as before, so a retry helps after the program was fixed or a limit was raised. One
/// transaction applies the record to every build that has the dead letter. If the record is refused again, nothing
/// changes.
#[utoipa::path(
    post, path = "/dead-letters/{id}/retry", tag = "dead-letters", operation_id = "retryDeadLetter",
    params(DeadLetterPath), request_body = Retry,
    security(("admin_token" = [])),
    responses(
        (status = 200, description = "The record was applied: the dead letter, with the number of the decision.",
            body = DeadLetterBody),
        Problems<AnyRequest>, Problems<Guarded>, Problems<Named>, Problems<WithBody>, Problems<OfRetry>
    )
)]
pub async fn retry(State(state): State<AppState>, request: Request) -> Result<Response, Problem> {
    let (id, Retry { reason }) = parse(&state, request).await?;
    let reason = Reason::optional(reason.as_deref())?;
    let _permit = state.decisions.acquire().await;
    state.operator.retry(state.reader()?, id, &reason).await?;
    one::read(&state, id, true).await
}

/// Discard a dead letter: its record stays out of the tables
///
/// This holds in every build, also in those that are made later. To correct an event, append a corrected one.
#[utoipa::path(
    post, path = "/dead-letters/{id}/discard", tag = "dead-letters", operation_id = "discardDeadLetter",
    params(DeadLetterPath), request_body = Discard,
    security(("admin_token" = [])),
    responses(
        (status = 200, description = "The dead letter is closed: it is answered with the number of the decision.",
            body = DeadLetterBody),
        Problems<AnyRequest>, Problems<Guarded>, Problems<Named>, Problems<WithBody>, Problems<OfDiscard>
    )
)]
pub async fn discard(State(state): State<AppState>, request: Request) -> Result<Response, Problem> {
    let (id, Discard { reason }) = parse(&state, request).await?;
    let reason = Reason::required(reason.as_deref())?;
    let _permit = state.decisions.acquire().await;
    state.reader()?;
    state.operator.discard(id, &reason).await?;
    one::read(&state, id, true).await
}

async fn parse<B: DeserializeOwned>(
    state: &AppState,
    mut request: Request,
) -> Result<(DeadLetterId, B), Problem> {
    // The token comes first: without it a client learns nothing more.
    state.tokens.check_admin(request.headers())?;
    Query::parse(request.uri().query(), &[])?;
    let id = dead_letter_id(request.extract_parts::<Path<DeadLetterPath>>().await)?;
    let JsonBody(body) = JsonBody::<B>::from_request(request, &()).await?;
    Ok((id, body))
}
