//! A JSON body, read with bounds on its size and time.

use std::time::Duration;

use axum::body::to_bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header;
use serde::de::DeserializeOwned;

use crate::problem::Problem;

const MAX_BYTES: usize = 64 * 1024;
const TIMEOUT: Duration = Duration::from_secs(5);

/// Of type application/json. An empty body counts as `{}`.
pub struct JsonBody<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let json = request.headers().get(header::CONTENT_TYPE).map(|value| value.to_str().is_ok_and(is_json));
        let declared = request
            .headers()
            .get(header::CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok()?.parse().ok());
        if declared.is_some_and(|length: usize| length > MAX_BYTES) {
            return Err(Problem::too_large(MAX_BYTES));
        }
        let body = tokio::time::timeout(TIMEOUT, to_bytes(request.into_body(), MAX_BYTES))
            .await
            .map_err(|_| Problem::request_timeout())?
            // Whoever hung up gets no answer anyway.
            .map_err(|_| Problem::too_large(MAX_BYTES))?;
        if body.is_empty() {
            return parse(b"{}");
        }
        if json != Some(true) {
            return Err(Problem::unsupported_media_type());
        }
        parse(&body)
    }
}

fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<JsonBody<T>, Problem> {
    // serde would take a list for a struct.
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err(Problem::bad_request("the body is no JSON object"));
    }
    serde_json::from_slice(body)
        .map(JsonBody)
        .map_err(|error| Problem::bad_request(format!("the body is not what is expected: {error}")))
}
