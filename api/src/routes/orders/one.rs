//! `GET /orders/{order_id}`.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::Uri;
use axum::response::Response;
use orders::OrderId;

use super::body::OrderBody;
use super::{no_such_order, order_id};
use crate::answer::Freshness;
use crate::cut::{self, CutParameters};
use crate::problem::{AnyRequest, AsOf, Named, Problem, Problems, Waiting};
use crate::query::{InQuery, ParameterSet, Query};
use crate::state::AppState;
use crate::wait::WaitParameters;

/// Get one order, now or as of a cut
#[utoipa::path(
    get, path = "/orders/{order_id}", tag = "orders", operation_id = "getOrder",
    params(("order_id" = OrderId, Path), InQuery<CutParameters>, InQuery<WaitParameters>),
    responses(
        (status = 200, description = "The order.", body = OrderBody),
        Problems<AnyRequest>, Problems<Named>, Problems<AsOf>, Problems<Waiting>
    )
)]
pub async fn get(
    State(state): State<AppState>,
    path: Result<Path<String>, PathRejection>,
    uri: Uri,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let id = order_id(path)?;
    let query = Query::parse(raw.as_deref(), &[CutParameters::ALL, WaitParameters::ALL])?;
    let cut = cut::parse(&query)?;
    let answer = state.reader_for(&query, cut.as_ref()).await?.order(&id, cut.as_ref()).await?;
    let freshness = Freshness::of(&answer.head, &state.lag)
        .located(uri.path(), &query, None, answer.cut.as_ref())
        .in_turn(answer.turn);
    match answer.value {
        Some(order) => freshness.json(&OrderBody::from(order)),
        None => Err(freshness.problem(no_such_order(&id, cut.is_some()))),
    }
}
