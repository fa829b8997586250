//! `/health/…` and `/metrics` over HTTP: as routes for a server that has more, and
//! as a small server of its own.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;

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

/// The small server: bound, not yet serving.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    routes: Router,
}

impl Server {
    /// Port 0 takes a free one; see [`Server::address`].
    pub async fn bind(listen: SocketAddr, health: Health, metrics: Metrics) -> std::io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address, routes: routes(health, metrics) })
    }

    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until the process ends: probes must be answered while it drains, too.
    pub async fn run(self) -> std::io::Result<()> {
        axum::serve(self.listener, self.routes).await
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn get(address: SocketAddr, path: &str) -> String {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn probes_turn_red_and_green() {
        let health = Health::expecting(&["kafka"]);
        let metrics = Metrics::detached().unwrap();
        let server = Server::bind(([127, 0, 0, 1], 0).into(), health.clone(), metrics).await.unwrap();
        let address = server.address();
        let serving = tokio::spawn(server.run());

        assert!(get(address, "/health/live").await.starts_with("HTTP/1.1 200"));
        let red = get(address, "/health/ready").await;
        assert!(red.starts_with("HTTP/1.1 503"), "{red}");
        assert!(
            red.ends_with(
                r#"{"checks":{"kafka":"not known yet","started":"still starting"},"status":"failing"}"#
            ),
            "{red}"
        );
        health.set_started();
        health.set("kafka", Ok::<_, String>(()));
        assert!(get(address, "/health/ready").await.starts_with("HTTP/1.1 200"));
        assert!(get(address, "/metrics").await.contains("text/plain; version=0.0.4"));
        serving.abort();
    }
}
