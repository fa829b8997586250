//! Connections: accepted and served, with bounds on slow clients and a drain at the end.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use retry::{Backoff, Throttle};
use service::{Exit, Failure};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// Also bounds how long a connection may idle between two requests.
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(30);
/// Further clients wait in the queue of the listener.
const MAX_CONNECTIONS: usize = 2048;
/// How long accepting may fail before the server counts as failed.
const GIVE_UP_AFTER: Duration = Duration::from_secs(30);

/// Serves until `stop`. Then it accepts no new request, and gives those in flight the time `drain`. Fails if no
/// connection could be accepted for [`GIVE_UP_AFTER`].
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stop: CancellationToken,
    drain: Duration,
) -> Result<(), Failure> {
    let graceful = GracefulShutdown::new();
    let free = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = accept(&listener, &free) => accepted?,
        };
        let (stream, permit) = accepted;
        let router = router.clone();
        let service = tower::service_fn(move |request: Request<hyper::body::Incoming>| {
            router.clone().oneshot(request.map(axum::body::Body::new))
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_READ_TIMEOUT)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            // The client hung up or does not speak HTTP.
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended");
            }
            drop(permit);
        });
    }
    drop(listener);
    let open = graceful.count();
    tokio::select! {
        () = graceful.shutdown() => tracing::info!(connections = open, "drained"),
        () = tokio::time::sleep(drain) => {
            tracing::warn!(drain_s = drain.as_secs(), "requests were still open after the drain and are cut off");
        }
    }
    Ok(())
}

async fn accept(
    listener: &TcpListener,
    free: &Arc<Semaphore>,
) -> Result<(TcpStream, OwnedSemaphorePermit), Failure> {
    // The semaphore is never closed.
    let permit = Arc::clone(free).acquire_owned().await?;
    let (mut backoff, mut warnings) = (Backoff::default(), Throttle::default());
    loop {
        let error = match listener.accept().await {
            Ok((stream, _)) => {
                // If this fails, small answers are delayed, which is not a reason to refuse the client.
                let _ = stream.set_nodelay(true);
                return Ok((stream, permit));
            }
            Err(error) => error,
        };
        if backoff.failing_for() >= GIVE_UP_AFTER {
            let limit_s = GIVE_UP_AFTER.as_secs();
            let message = format!("no connection could be accepted for {limit_s} s: {error}");
            return Err(Failure::new(Exit::Unexpected, message));
        }
        // For example, a lack of file descriptors passes when other connections close.
        if warnings.is_due() {
            tracing::warn!(%error, "a connection could not be accepted");
        }
        tokio::time::sleep(backoff.next_pause()).await;
    }
}
