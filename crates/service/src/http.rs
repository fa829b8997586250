//! `/health/…` and `/metrics` over HTTP, as routes for any server.

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::health::{Health, Report};
use crate::metrics::{CONTENT_TYPE, Metrics};

/// `/health/live`, `/health/ready`, `/health/started` and `/metrics`.
pub fn routes(health: Health, metrics: Metrics) -> Router {
    Router::new()
        .route("/health/live", get(async |State(health): State<Health>| answer(&health.live())))
        .route("/health/ready", get(async |State(health): State<Health>| answer(&health.ready())))
        .route("/health/started", get(async |State(health): State<Health>| answer(&health.started())))
        .with_state(health)
        .route("/metrics", get(async move || ([(header::CONTENT_TYPE, CONTENT_TYPE)], metrics.render())))
}

/// 200 or 503, with every check and the reason of each that fails.
fn answer(report: &Report) -> Response {
    let fine = report.is_fine();
    let checks: serde_json::Map<_, _> = report
        .checks
        .iter()
        .map(|(name, state)| {
            let text = state.as_ref().err().map_or("ok", String::as_str);
            ((*name).to_owned(), text.into())
        })
        .collect();
    let body = serde_json::json!({ "status": if fine { "ok" } else { "failing" }, "checks": checks });
    let status = if fine { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    (status, headers, body.to_string()).into_response()
}
