//! Bounds the memory of answers that clients are still reading.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hyper::body::{Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::one_piece;
use crate::problem::Problem;

/// All large answers together that clients have not taken yet.
const BUDGET_BYTES: usize = 64 << 20;
/// A smaller answer mostly fits into the buffers of its connection, and is not counted.
const LARGE_BYTES: usize = 64 << 10;
/// What is given to the connection at a time. The rest stays here, and is counted.
const CHUNK_BYTES: usize = 64 << 10;

/// The permits of a semaphore are 32-bit numbers.
const UNIT_BYTES: usize = 1 << 10;

#[derive(Clone)]
pub struct Budget(Arc<Semaphore>);

impl Default for Budget {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(BUDGET_BYTES / UNIT_BYTES)))
    }
}

impl Budget {
    /// Counts this many bytes until the permit is dropped; `None` if they do not fit. An answer that is larger than the budget
    /// takes all of it.
    fn take(self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let units = bytes.min(BUDGET_BYTES).div_ceil(UNIT_BYTES) as u32;
        self.0.try_acquire_many_owned(units).ok()
    }
}

/// Counts a large answer until the client has taken it. Refuses it if too many others are waiting to be taken.
pub async fn bound(State(budget): State<Budget>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    match response.body().size_hint().exact() {
        Some(bytes) if bytes > LARGE_BYTES as u64 => {}
        _ => return response,
    }
    let (parts, bytes) = match one_piece::take(response).await {
        Ok(taken) => taken,
        Err(problem) => return problem,
    };
    let Some(permit) = budget.take(bytes.len()) else {
        return Problem::unavailable(
            "other clients have not read their large answers yet; try again, or ask for less by limit",
            2,
        )
        .into_response();
    };
    Response::from_parts(parts, Body::new(Counted { bytes, _permit: permit }))
}

/// The body of a large answer.
struct Counted {
    bytes: Bytes,
    _permit: OwnedSemaphorePermit,
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.bytes.is_empty() {
            return Poll::Ready(None);
        }
        let chunk = self.bytes.len().min(CHUNK_BYTES);
        Poll::Ready(Some(Ok(Frame::data(self.bytes.split_to(chunk)))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use axum::routing::get;
    use axum::{Router, middleware};
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn large_answers_are_counted_until_they_are_read() {
        let budget = Budget(Arc::new(Semaphore::new(250)));
        let router = Router::new()
            .route("/large", get(async || vec![b'x'; 100 << 10]))
            .route("/small", get(async || vec![b'x'; 60 << 10]))
            .layer(middleware::from_fn_with_state(budget, bound));
        let get = async |path: &str| {
            router.clone().oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap()
        };
        let (first, second) = (get("/large").await, get("/large").await);
        let refused = get("/large").await;
        assert_eq!(refused.status(), 503);
        assert!(refused.headers().contains_key("retry-after"));
        assert_eq!(get("/small").await.status(), 200);
        let read = to_bytes(first.into_body(), usize::MAX).await.unwrap();
        assert_eq!(read, vec![b'x'; 100 << 10]);
        assert_eq!(get("/large").await.status(), 200);
        drop(second);
    }
}
