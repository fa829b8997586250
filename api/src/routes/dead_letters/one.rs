//! `GET /dead-letters/{id}`.

use ::dead_letters::{DeadLetterId, DeadLetterView};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;

use super::{DeadLetter, dead_letter_id, may_see_bytes};
use crate::answer::Freshness;
use crate::openapi::WaitParams;
use crate::problem::Problem;
use crate::query::Query;
use crate::state::AppState;
use crate::wait;

/// One dead letter; its key, payload and headers' values only with the admin token
#[utoipa::path(
    get, path = "/dead-letters/{id}", tag = "dead-letters", operation_id = "getDeadLetter",
    params(("id" = String, Path, description = "PARTITION-OFFSET of its record, such as 3-1207"), WaitParams),
    security((), ("admin_token" = [])),
    responses((status = 200, description = "The dead letter", body = DeadLetter))
)]
pub async fn get(
    State(state): State<AppState>,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let query = Query::parse(raw.as_deref(), &[wait::NAMES])?;
    let id = dead_letter_id(path)?;
    let with_bytes = may_see_bytes(&state, &headers)?;
    state.reader_for(&query, None).await?;
    read(&state, id, with_bytes).await
}

pub(super) async fn read(state: &AppState, id: DeadLetterId, with_bytes: bool) -> Result<Response, Problem> {
    let answer = state.reader()?.dead_letter(id, with_bytes).await?;
    let freshness = Freshness::of(&answer.head, &state.lag);
    match answer.value {
        Some(dead_letter) => freshness.json(&DeadLetterView::from(dead_letter)),
        None => Err(freshness.problem(Problem::not_found(format!("there is no dead letter {id}")))),
    }
}
