//! A small server of `/health/…` and `/metrics` for programs that have no other server, and its supervision.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use retry::{Backoff, Throttle};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::{Exit, Failure, Health, Invalid, Metrics, Shell, http};

/// If no connection could be accepted for this long, the server has failed. A momentary shortage of file
/// descriptors is not a reason to end the process.
const GIVE_UP_AFTER: Duration = Duration::from_secs(30);

impl Shell {
    /// Runs `program` to its end, and serves health and metrics at `listen`, if it is given, until then: also while
    /// the program drains.
    ///
    /// A process whose probes are not answered looks dead to its supervisor, or alive for ever. So if the server
    /// fails, the program is dropped and the failure says why.
    pub async fn with_probes(
        &self,
        listen: Option<SocketAddr>,
        program: impl Future<Output = Result<(), Failure>>,
    ) -> Result<(), Failure> {
        let Some(listen) = listen else { return program.await };
        let server = ProbeServer::bind(listen, self.health.clone(), self.metrics.clone()).await?;
        tracing::info!(address = %server.address, "serving /health and /metrics");
        tokio::select! {
            result = program => result,
            failure = server.run() => Err(failure),
        }
    }
}

/// The server, bound to its address but not yet serving.
struct ProbeServer {
    listener: TcpListener,
    address: SocketAddr,
    routes: Router,
    give_up_after: Duration,
}

impl ProbeServer {
    /// Port 0 takes a free port.
    async fn bind(listen: SocketAddr, health: Health, metrics: Metrics) -> Result<Self, Failure> {
        let listener = TcpListener::bind(listen).await.map_err(|error| {
            Invalid::new("METRICS_LISTEN", format!("is {listen}, which cannot be listened on: {error}"))
        })?;
        let address = listener.local_addr()?;
        let routes = http::routes(health, metrics);
        Ok(Self { listener, address, routes, give_up_after: GIVE_UP_AFTER })
    }

    /// Returns only when it can no longer serve.
    async fn run(self) -> Failure {
        let (failed, reported) = oneshot::channel();
        let listener =
            Supervised { listener: self.listener, give_up_after: self.give_up_after, failed: Some(failed) };
        let ended = tokio::select! {
            ended = axum::serve(listener, self.routes).into_future() => ended.err(),
            reported = reported => reported.ok(),
        };
        let why = ended.map_or_else(|| "it stopped".to_owned(), |error| error.to_string());
        let address = self.address;
        Failure::new(
            Exit::Unexpected,
            format!("/health and /metrics are not served at {address} any longer: {why}"),
        )
    }
}

/// Replaces axum's own listener, which retries after any error, for ever, without reporting it.
struct Supervised {
    listener: TcpListener,
    give_up_after: Duration,
    failed: Option<oneshot::Sender<io::Error>>,
}

impl Listener for Supervised {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        let (mut backoff, mut warnings) = (Backoff::default(), Throttle::default());
        loop {
            let error = match self.listener.accept().await {
                Ok(accepted) => return accepted,
                Err(error) => error,
            };
            if backoff.failing_for() >= self.give_up_after
                && let Some(failed) = self.failed.take()
            {
                // The receiver is gone only if the server is being dropped.
                let _ = failed.send(error);
                return std::future::pending().await;
            }
            if warnings.is_due() {
                tracing::warn!(%error, "the connection of a probe could not be accepted");
            }
            tokio::time::sleep(backoff.next_pause()).await;
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

#[cfg(test)]
mod tests;
