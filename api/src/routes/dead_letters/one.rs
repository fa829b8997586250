//! `GET /dead-letters/{id}`.

use ::dead_letters::{DeadLetterBody, DeadLetterId, Error};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;

use super::{DeadLetterPath, dead_letter_id, may_see_bytes};
use crate::answer::Freshness;
use crate::problem::{AnyRequest, Guarded, Named, Problem, Problems, Waiting};
use crate::query::{InQuery, ParameterSet, Query};
use crate::state::AppState;
use crate::wait::WaitParameters;

/// Get one dead letter
///
/// Its key, its payload and the values of its headers are answered only to a client that sends the admin token.
#[utoipa::path(
    get, path = "/dead-letters/{id}", tag = "dead-letters", operation_id = "getDeadLetter",
    params(DeadLetterPath, InQuery<WaitParameters>),
    security((), ("admin_token" = [])),
    responses(
        (status = 200, description = "The dead letter.", body = DeadLetterBody),
        Problems<AnyRequest>, Problems<Guarded>, Problems<Named>, Problems<Waiting>
    )
)]
pub async fn get(
    State(state): State<AppState>,
    path: Result<Path<DeadLetterPath>, PathRejection>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let query = Query::parse(raw.as_deref(), &[WaitParameters::ALL])?;
    let id = dead_letter_id(path)?;
    let with_bytes = may_see_bytes(&state, &headers)?;
    state.reader_for(&query, None).await?;
    read(&state, id, with_bytes).await
}

pub(super) async fn read(state: &AppState, id: DeadLetterId, with_bytes: bool) -> Result<Response, Problem> {
    let answer = state.reader()?.dead_letter(id, with_bytes).await?;
    let freshness = Freshness::of(&answer.head, &state.lag).in_turn(answer.turn);
    let freshness = if with_bytes { freshness.for_operators() } else { freshness };
    match answer.value {
        Some(dead_letter) => freshness.json(&DeadLetterBody::from(dead_letter)),
        None => Err(freshness.problem(Error::NotFound(id).into())),
    }
}
