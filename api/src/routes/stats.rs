//! `GET /stats`.

use std::collections::BTreeMap;

use axum::extract::{RawQuery, State};
use axum::http::Uri;
use axum::response::Response;
use serde::Serialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answer::Freshness;
use crate::cut::{self, CutParameters};
use crate::problem::{AnyRequest, AsOf, Problem, Problems, Waiting};
use crate::query::{InQuery, ParameterSet, Query};
use crate::state::AppState;
use crate::wait::WaitParameters;

pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default().routes(routes!(get))
}

/// Totals over all orders.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Stats)]
pub struct StatsBody {
    /// How many orders are in each status. Every status is present, also with 0 orders.
    #[schema(example = json!({"pending": 1, "paid": 2, "shipped": 0, "delivered": 40, "cancelled": 3}))]
    by_status: BTreeMap<&'static str, i64>,
    orders: i64,
    /// How many records were applied.
    records: i64,
    /// How many records could not be applied and wait for a decision.
    open_dead_letters: i64,
    /// Settings of the topic that weaken a promise of this system. An as-of answer does not have this member.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<String>)]
    warnings: Option<Vec<String>>,
}

/// Get totals, now or as of a cut
#[utoipa::path(
    get, path = "/stats", tag = "orders", operation_id = "getStats",
    params(InQuery<CutParameters>, InQuery<WaitParameters>),
    responses(
        (status = 200, description = "The totals.", body = StatsBody),
        Problems<AnyRequest>, Problems<AsOf>, Problems<Waiting>
    )
)]
pub async fn get(
    State(state): State<AppState>,
    uri: Uri,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let query = Query::parse(raw.as_deref(), &[CutParameters::ALL, WaitParameters::ALL])?;
    let cut = cut::parse(&query)?;
    let answer = state.reader_for(&query, cut.as_ref()).await?.stats(cut.as_ref()).await?;
    let totals = answer.value;
    let body = StatsBody {
        orders: totals.orders(),
        by_status: totals.by_status().map(|(status, count)| (status.as_str(), count)).collect(),
        records: totals.records,
        open_dead_letters: totals.open_dead_letters,
        warnings: cut.is_none().then(|| state.topic.warnings()),
    };
    Freshness::of(&answer.head, &state.lag).located(uri.path(), &query, None, answer.cut.as_ref()).json(&body)
}
