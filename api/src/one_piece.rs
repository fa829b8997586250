//! The body of an answer as one piece, which is how the routes make it.

use axum::body::{Bytes, to_bytes};
use axum::http::response::Parts;
use axum::response::{IntoResponse, Response};

use crate::problem::Problem;

/// Takes the body out of an answer. The error is the answer to give instead.
pub async fn take(response: Response) -> Result<(Parts, Bytes), Response> {
    let (parts, body) = response.into_parts();
    match to_bytes(body, usize::MAX).await {
        Ok(bytes) => Ok((parts, bytes)),
        Err(error) => {
            let unreadable = format!("the body of an answer could not be read: {error}");
            Err(Problem::internal(&std::io::Error::other(unreadable)).into_response())
        }
    }
}
