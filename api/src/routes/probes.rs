//! `/health/…` and `/metrics`.

use axum::extract::State;
use axum::response::Response;
use service::http::{ProbeBody, exposition, probe};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::problem::{Kind, ProblemSet, Problems};
use crate::state::AppState;

pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        .routes(routes!(live))
        .routes(routes!(ready))
        .routes(routes!(started))
        .routes(routes!(metrics))
}

pub enum OfProbe {}

impl ProblemSet for OfProbe {
    const KINDS: &'static [Kind] = &[Kind::MethodNotAllowed];
}

/// Check whether the process is alive; restart it if not
#[utoipa::path(
    get, path = "/health/live", tag = "probes", operation_id = "getLive",
    responses(
        (status = 200, description = "The process is alive.", body = ProbeBody),
        (status = 503, description = "A part of the process hangs.", body = ProbeBody),
        Problems<OfProbe>
    )
)]
async fn live(State(state): State<AppState>) -> Response {
    probe(state.health.live())
}

/// Check whether the process can answer requests; send it none if not
#[utoipa::path(
    get, path = "/health/ready", tag = "probes", operation_id = "getReady",
    responses(
        (status = 200, description = "The process answers requests.", body = ProbeBody),
        (status = 503, description = "The process cannot answer requests at the moment.", body = ProbeBody),
        Problems<OfProbe>
    )
)]
async fn ready(State(state): State<AppState>) -> Response {
    probe(state.health.ready())
}

/// Check whether the process has finished its start
#[utoipa::path(
    get, path = "/health/started", tag = "probes", operation_id = "getStarted",
    responses(
        (status = 200, description = "The start is over.", body = ProbeBody),
        (status = 503, description = "The process is starting.", body = ProbeBody),
        Problems<OfProbe>
    )
)]
async fn started(State(state): State<AppState>) -> Response {
    probe(state.health.started())
}

/// Get the metrics in the text format of Prometheus
#[utoipa::path(
    get, path = "/metrics", tag = "probes", operation_id = "getMetrics",
    responses(
        (status = 200, description = "The metrics.", body = String, content_type = "text/plain"),
        Problems<OfProbe>
    )
)]
async fn metrics(State(state): State<AppState>) -> Response {
    exposition(&state.metrics)
}
