//! `GET /orders/{order_id}`.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::Uri;
use axum::response::Response;

use super::OrderBody;
use crate::answer::Freshness;
use crate::cut;
use crate::openapi::{CutParams, WaitParams};
use crate::problem::Problem;
use crate::query::Query;
use crate::routes::order_id;
use crate::state::AppState;
use crate::wait;

/// One order, now or as of a cut
#[utoipa::path(
    get, path = "/orders/{order_id}", tag = "orders", operation_id = "getOrder",
    params(("order_id" = String, Path, description = "1 to 128 characters"), CutParams, WaitParams),
    responses((status = 200, description = "The order", body = OrderBody))
)]
pub async fn get(
    State(state): State<AppState>,
    path: Result<Path<String>, PathRejection>,
    uri: Uri,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let id = order_id(path)?;
    let query = Query::parse(raw.as_deref(), &[cut::NAMES, wait::NAMES])?;
    let cut = cut::parse(&query)?;
    let answer = state.reader_for(&query, cut.as_ref()).await?.order(&id, cut.as_ref()).await?;
    let freshness =
        Freshness::of(&answer.head, &state.lag).located(uri.path(), &query, None, answer.cut.as_ref());
    match answer.value {
        Some(order) => freshness.json(&OrderBody::from(order)),
        None => Err(freshness.problem(no_such_order(&id, cut.is_some()))),
    }
}

/// Of an order without a record, now or within the cut.
pub fn no_such_order(id: &orders::OrderId, as_of: bool) -> Problem {
    let when = if as_of { " within this cut" } else { "" };
    Problem::not_found(format!("there is no order {:?}{when}", id.as_str()))
}
