//! `GET /stats`.

use std::collections::BTreeMap;

use axum::extract::{RawQuery, State};
use axum::http::Uri;
use axum::response::Response;
use orders::Status;
use serde::Serialize;

use crate::answer::Freshness;
use crate::cut;
use crate::openapi::{CutParams, WaitParams};
use crate::problem::Problem;
use crate::query::Query;
use crate::state::AppState;
use crate::wait;

/// Totals.
#[derive(Serialize, utoipa::ToSchema)]
pub struct StatsBody {
    /// Orders per status; each status is there, also with 0.
    #[schema(example = json!({"pending": 1, "paid": 2, "shipped": 0, "delivered": 40, "cancelled": 3}))]
    by_status: BTreeMap<&'static str, i64>,
    orders: i64,
    /// Records that were applied.
    records: i64,
    /// Records that could not be applied and wait for a decision.
    open_dead_letters: i64,
    /// Settings of the topic under which less is promised. Not part of an as-of answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<String>)]
    warnings: Option<Vec<String>>,
}

/// Totals, now or as of a cut
#[utoipa::path(
    get, path = "/stats", tag = "orders", operation_id = "getStats", params(CutParams, WaitParams),
    responses((status = 200, description = "The totals", body = StatsBody))
)]
pub async fn get(
    State(state): State<AppState>,
    uri: Uri,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let query = Query::parse(raw.as_deref(), &[cut::NAMES, wait::NAMES])?;
    let cut = cut::parse(&query)?;
    let answer = state.reader_for(&query, cut.as_ref()).await?.stats(cut.as_ref()).await?;
    let stats = answer.value;
    let count = |status: Status| {
        let found = stats.by_status.iter().find(|(name, _)| name == status.as_str());
        (status.as_str(), found.map_or(0, |(_, count)| *count))
    };
    let by_status: BTreeMap<_, _> = Status::ALL.into_iter().map(count).collect();
    let body = StatsBody {
        orders: by_status.values().sum(),
        by_status,
        records: stats.records,
        open_dead_letters: stats.open_dead_letters,
        warnings: cut.is_none().then(|| state.topic.warnings()),
    };
    Freshness::of(&answer.head, &state.lag).located(uri.path(), &query, None, answer.cut.as_ref()).json(&body)
}
