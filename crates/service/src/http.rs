//! `/health/…` and `/metrics` over HTTP, as routes for any server.

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Serialize;

use crate::health::{Health, Report};
use crate::metrics::{CONTENT_TYPE, Metrics};

/// `/health/live`, `/health/ready`, `/health/started` and `/metrics`.
pub fn routes(health: Health, metrics: Metrics) -> Router {
    Router::new()
        .route("/health/live", get(async |State(health): State<Health>| probe(health.live())))
        .route("/health/ready", get(async |State(health): State<Health>| probe(health.ready())))
        .route("/health/started", get(async |State(health): State<Health>| probe(health.started())))
        .with_state(health)
        .route("/metrics", get(async move || exposition(&metrics)))
}

/// The answer of a probe.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Probe))]
pub struct ProbeBody {
    /// Each check with `ok`, or with the reason why it fails. A detail may follow `ok`.
    checks: BTreeMap<&'static str, String>,
    status: ProbeStatus,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
enum ProbeStatus {
    Ok,
    Failing,
}

/// 200 or 503, with every check and the reason of each that fails.
pub fn probe(report: Report) -> Response {
    let (code, status) = match report.is_fine() {
        true => (StatusCode::OK, ProbeStatus::Ok),
        false => (StatusCode::SERVICE_UNAVAILABLE, ProbeStatus::Failing),
    };
    let Report { checks, mut details } = report;
    let check = |(name, state): (&'static str, Result<(), String>)| {
        let passes = || details.remove(name).map_or("ok".to_owned(), |detail| format!("ok; {detail}"));
        (name, state.err().unwrap_or_else(passes))
    };
    let body = ProbeBody { checks: checks.into_iter().map(check).collect(), status };
    (code, [(header::CACHE_CONTROL, "no-store")], axum::Json(body)).into_response()
}

/// The metrics in the text format of Prometheus.
pub fn exposition(metrics: &Metrics) -> Response {
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], metrics.render()).into_response()
}
