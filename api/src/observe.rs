//! What applies to every request: a deadline, a log line, metrics.

use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::problem::Problem;
use crate::wait::MAX_WAIT;

/// Longer than the longest wait for positions, the longest statement and the wait for a connection together.
const DEADLINE: Duration = MAX_WAIT.saturating_add(Duration::from_secs(15));

/// Abandons a request that takes too long.
pub async fn deadline(request: Request, next: Next) -> Response {
    match tokio::time::timeout(DEADLINE, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            Problem::unavailable(format!("the request was not answered within {} s", DEADLINE.as_secs()), 5)
                .into_response()
        }
    }
}

/// Counts and times requests by the template of their route, so that ids do not become labels.
pub async fn observe(request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let method = label(request.method());
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let path = request.uri().path().to_owned();
    let in_flight = metrics::gauge!("http_requests_in_flight");
    in_flight.increment(1.0);
    let _done = Decrement(in_flight);
    let response = next.run(request).await;
    let (took, status) = (begun.elapsed(), response.status().as_u16());
    let route = route.unwrap_or_else(|| "none".into());
    tracing::debug!(method, path, status, took_ms = took.as_secs_f64() * 1000.0, "request");
    metrics::counter!("http_requests_total", "method" => method, "route" => route.clone(), "status" => status.to_string())
        .increment(1);
    metrics::histogram!("http_request_duration_seconds", "method" => method, "route" => route)
        .record(took.as_secs_f64());
    response
}

/// Counts the request as done even if the client hangs up, which drops its future.
struct Decrement(metrics::Gauge);

impl Drop for Decrement {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

/// Methods as labels. A client may send any word as a method, so unknown ones share a label.
fn label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
