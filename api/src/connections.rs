//! Connections: accepted and served, with bounds on slow clients and a drain at the end.

mod answer_deadline;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulConnection, GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use retry::{Backoff, Throttle};
use service::{Exit, Failure};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_native_tls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use self::answer_deadline::{AnswerDeadline, Bounded};

/// How long the head of a request may take to arrive. Also bounds how long a connection may idle before its first request
/// and between two of them.
const HEAD_LIMIT: Duration = Duration::from_secs(30);
/// The same for connections that are accepted while few more can be.
const SHORT_HEAD_LIMIT: Duration = Duration::from_secs(5);
/// How long a TLS handshake may take.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);
/// The largest head of a request: enough for a cut of several hundred partitions. A client that never finishes
/// its head costs this much memory.
const MAX_HEAD_BYTES: usize = 16 << 10;
/// Further clients wait in the queue of the listener, until one of these has ended.
const MAX_CONNECTIONS: u64 = 16_384;
/// File descriptors that are left for everything that is not a connection of a client.
const OTHER_DESCRIPTORS: u64 = 768;
/// How long accepting may fail before the server counts as failed.
const GIVE_UP_AFTER: Duration = Duration::from_secs(30);

/// Serves until `stop`. Then it accepts no new request, and gives those in flight the time `drain`. Fails if no
/// connection could be accepted for [`GIVE_UP_AFTER`].
pub async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    router: Router,
    stop: CancellationToken,
    drain: Duration,
) -> Result<(), Failure> {
    let graceful = GracefulShutdown::new();
    let max = max_connections();
    let free = Arc::new(Semaphore::new(max));
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = accept(&listener, &free) => accepted?,
        };
        let (stream, permit) = accepted;
        let patience = if free.available_permits() < max / 4 { SHORT_HEAD_LIMIT } else { HEAD_LIMIT };
        let (tls, router) = (tls.clone(), router.clone());
        let (watcher, stop) = (graceful.watcher(), stop.clone());
        tokio::spawn(async move {
            // The client hung up, or does not speak HTTP or TLS.
            if has_begun(&stream, patience, &stop).await
                && let Err(error) = converse(stream, tls, router, patience, watcher).await
            {
                tracing::debug!(error, "a connection ended");
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

/// The connections that the limit on open files allows. The limit is raised as far as possible first.
fn max_connections() -> usize {
    let files = getrlimit(Resource::RLIMIT_NOFILE).map_or(1024, |(soft, hard)| {
        match setrlimit(Resource::RLIMIT_NOFILE, hard, hard) {
            Ok(()) => hard,
            Err(_) => soft,
        }
    });
    MAX_CONNECTIONS.min(files.saturating_sub(OTHER_DESCRIPTORS).max(1)) as usize
}

/// Waits for the first byte, because a connection that is idle from the start should cost no buffer.
async fn has_begun(stream: &TcpStream, patience: Duration, stop: &CancellationToken) -> bool {
    tokio::select! {
        readable = stream.readable() => readable.is_ok(),
        () = stop.cancelled() => false,
        () = tokio::time::sleep(patience) => false,
    }
}

/// Answers the requests of one client.
async fn converse(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    router: Router,
    patience: Duration,
    watcher: Watcher,
) -> Result<(), String> {
    let ended = match tls {
        None => watcher.watch(connection(stream, router, patience)).await,
        Some(tls) => {
            let stream = match tokio::time::timeout(HANDSHAKE_LIMIT, tls.accept(stream)).await {
                Ok(stream) => stream.map_err(|error| error.to_string())?,
                Err(_) => return Err("the client did not finish the TLS handshake in time".into()),
            };
            watcher.watch(connection(stream, router, patience)).await
        }
    };
    ended.map_err(|error| error.to_string())
}

fn connection(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    router: Router,
    patience: Duration,
) -> impl GracefulConnection<Error = hyper::Error> + Send {
    let deadline = AnswerDeadline::new();
    let stream = Bounded::new(stream, deadline.clone());
    let service = tower::service_fn(move |request: Request<Incoming>| {
        let (answer, deadline) = (router.clone().oneshot(request.map(Body::new)), deadline.clone());
        async move {
            let answer = answer.await;
            deadline.begin();
            answer
        }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
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
