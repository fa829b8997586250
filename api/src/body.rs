//! A JSON body, with bounds on its size and on the time that it takes to arrive.

use std::time::Duration;

use axum::body::to_bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header;
use serde::de::DeserializeOwned;
use utoipa::Modify;
use utoipa::openapi::{OpenApi, RefOr, Required};

use crate::problem::{Kind, Problem};

const MAX_BYTES: usize = 64 * 1024;
const ARRIVAL_LIMIT: Duration = Duration::from_secs(5);

/// A body of type `application/json`. An empty body counts as `{}`, whatever its type.
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
            return Err(Problem::body_too_large(MAX_BYTES));
        }
        let body = tokio::time::timeout(ARRIVAL_LIMIT, to_bytes(request.into_body(), MAX_BYTES))
            .await
            .map_err(|_| {
                let detail = format!("the body did not arrive within {} s", ARRIVAL_LIMIT.as_secs());
                Problem::new(Kind::RequestTimeout, detail)
            })?
            // The only other error is that the client hung up, and then nobody reads the answer.
            .map_err(|_| Problem::body_too_large(MAX_BYTES))?;
        if body.is_empty() {
            return parse(b"{}");
        }
        if json != Some(true) {
            let detail = "send the body as Content-Type: application/json";
            return Err(Problem::new(Kind::UnsupportedMediaType, detail));
        }
        parse(&body)
    }
}

fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<JsonBody<T>, Problem> {
    // serde accepts a list in place of a struct.
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err(Problem::bad_request("the body is not a JSON object"));
    }
    serde_json::from_slice(body)
        .map(JsonBody)
        .map_err(|error| Problem::bad_request(format!("the body does not have the expected form: {error}")))
}

/// Documents that the bodies of some routes may be left out.
pub struct OptionalBody;

impl Modify for OptionalBody {
    fn modify(&self, document: &mut OpenApi) {
        let operations = document.paths.paths.values_mut().filter_map(|item| item.post.as_mut());
        for body in operations.filter_map(|operation| operation.request_body.as_mut()) {
            if let RefOr::T(body) = body {
                body.required = Some(Required::False);
            }
        }
    }
}
