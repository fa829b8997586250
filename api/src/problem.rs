//! Every error as an RFC 9457 problem document: the one place where errors become HTTP.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use service::exit::chain;
use views::Recovery;
use views::read::ReadError;

/// What the client is told. What went wrong inside stays in the log.
#[derive(Debug)]
pub struct Problem(Box<Parts>);

#[derive(Debug)]
struct Parts {
    status: StatusCode,
    /// The last part of `type`.
    kind: &'static str,
    title: &'static str,
    detail: String,
    members: serde_json::Map<String, serde_json::Value>,
    headers: HeaderMap,
}

/// What is said in the OpenAPI document.
#[derive(utoipa::ToSchema)]
#[schema(as = Problem)]
#[expect(dead_code, reason = "only its schema is used")]
pub struct ProblemBody {
    /// urn:food-orders:problem: and a word per kind of problem.
    #[schema(example = "urn:food-orders:problem:bad-request")]
    r#type: String,
    /// The same for every problem of this type.
    title: String,
    status: u16,
    /// What exactly was wrong, and what to change.
    detail: String,
}

impl Problem {
    fn new(status: StatusCode, kind: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            status,
            kind,
            title,
            detail: detail.into(),
            members: serde_json::Map::new(),
            headers: HeaderMap::new(),
        }))
    }

    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", "The request is not understood", detail)
    }

    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "There is no such thing", detail)
    }

    pub fn method_not_allowed(method: &axum::http::Method) -> Self {
        let detail = format!("{method} is not possible here; the header Allow lists what is");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "The method is not allowed", detail)
    }

    pub fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "The admin token is missing or wrong", detail)
            .header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "Changes are switched off", detail)
    }

    pub fn conflict(kind: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, kind, title, detail)
    }

    pub fn unprocessable(kind: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, kind, title, detail)
    }

    pub fn gone(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::GONE, "projection-gone", "That projection version is gone", detail)
    }

    pub fn too_large(limit: usize) -> Self {
        let detail = format!("the body has more than {limit} bytes");
        // What was not read of the body stands in the way of another request.
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The body is too large", detail)
            .header(header::CONNECTION, HeaderValue::from_static("close"))
    }

    pub fn unsupported_media_type() -> Self {
        let detail = "send the body as Content-Type: application/json";
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported-media-type",
            "The content type is wrong",
            detail,
        )
    }

    pub fn request_timeout() -> Self {
        let detail = "the body did not arrive in time";
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "request-timeout",
            "The request took too long to arrive",
            detail,
        )
    }

    /// The wait that the request asked for is over.
    pub fn not_applied_yet(detail: impl Into<String>) -> Self {
        let title = "Not applied yet";
        Self::new(StatusCode::GATEWAY_TIMEOUT, "not-applied-yet", title, detail)
            .header(header::RETRY_AFTER, 1.into())
    }

    /// Not now; worth another try in some seconds.
    pub fn unavailable(detail: impl Into<String>, retry_after_seconds: u16) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Not available at the moment", detail)
            .header(header::RETRY_AFTER, retry_after_seconds.into())
    }

    /// For the log in full, for the client in general.
    pub fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error = chain(error), "a request failed");
        let detail = "the cause is in the log of the api";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something went wrong inside", detail)
    }

    #[cfg(test)]
    pub fn status(&self) -> u16 {
        self.0.status.as_u16()
    }

    #[must_use]
    pub fn member(mut self, name: &str, value: impl Into<serde_json::Value>) -> Self {
        self.0.members.insert(name.to_owned(), value.into());
        self
    }

    #[must_use]
    pub fn header(mut self, name: header::HeaderName, value: HeaderValue) -> Self {
        self.0.headers.insert(name, value);
        self
    }

    /// Keeps the headers of a read on its error.
    #[must_use]
    pub fn with_headers(mut self, headers: HeaderMap) -> Self {
        self.0.headers.extend(headers);
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        #[derive(serde::Serialize)]
        struct Body {
            r#type: String,
            title: &'static str,
            status: u16,
            detail: String,
            #[serde(flatten)]
            members: serde_json::Map<String, serde_json::Value>,
        }
        let Parts { status, kind, title, detail, members, headers: own } = *self.0;
        let body = Body {
            r#type: format!("urn:food-orders:problem:{kind}"),
            title,
            status: status.as_u16(),
            detail,
            members,
        };
        let mut response = (status, axum::Json(body)).into_response();
        let headers = response.headers_mut();
        headers.extend(own);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Ahead { ref offsets, .. } => {
                let applied = offsets.to_string();
                Self::conflict("cut-ahead", "The cut lies beyond what is applied", error.to_string())
                    .member("applied_offsets", applied)
                    .header(header::RETRY_AFTER, 1.into())
            }
            ReadError::DecisionAhead { .. } => {
                Self::conflict("decision-ahead", "The decision is not taken yet", error.to_string())
            }
            ReadError::OtherProjection { .. } => Self::unavailable(
                format!("{error}; run replay-rebuild, or POST /rebuilds, to bring the view to this version"),
                30,
            ),
            ReadError::Database(error) => error.into(),
        }
    }
}

impl From<dead_letters::Error> for Problem {
    fn from(error: dead_letters::Error) -> Self {
        use dead_letters::Error;
        let detail = error.to_string();
        match error {
            Error::NotFound(_) => Self::not_found(detail),
            Error::BadReason => Self::bad_request(detail),
            Error::Closed { state, decision, .. } => {
                Self::conflict("dead-letter-closed", "The dead letter is closed already", detail)
                    .member("state", state)
                    .member("decision", decision)
            }
            Error::Gone(_) => Self::conflict("record-gone", "The log no longer has the whole record", detail),
            Error::StillRefused { rejection, .. } => {
                Self::unprocessable("still-refused", "The record is refused again", detail)
                    .member("cause", rejection.cause.as_str())
            }
            Error::Log(error) if error.is_passing() => {
                tracing::warn!(error = chain(&error), "the log could not answer");
                Self::unavailable("Kafka does not answer at the moment", 5)
            }
            Error::Log(error) => Self::internal(&error),
            Error::Task(error) => Self::internal(&error),
            Error::Read(error) => error.into(),
            Error::Views(error @ views::Error::ProjectionVersion { .. }) => {
                Self::unavailable(error.to_string(), 30)
            }
            Error::Views(error) => error.into(),
        }
    }
}

impl From<views::Error> for Problem {
    fn from(error: views::Error) -> Self {
        let sqlstate = error.sqlstate().map(|code| code.code().to_owned());
        match (error.recovery(), sqlstate.as_deref()) {
            (_, Some("57014")) => {
                tracing::warn!(error = chain(&error), "a read took too long");
                Self::unavailable(
                    "the query took too long; ask for less, by limit, filters or sort=order_id",
                    5,
                )
            }
            (Recovery::Record, Some(code)) if code.starts_with("22") => {
                tracing::warn!(error = chain(&error), "a value that only PostgreSQL refused");
                Self::bad_request("a parameter has a value that cannot be")
            }
            (Recovery::Retry, _) => {
                tracing::warn!(error = chain(&error), "the database could not answer");
                match error {
                    views::Error::Pool { .. } => {
                        Self::unavailable("all database connections are busy; try again in a moment", 1)
                    }
                    _ => Self::unavailable("the database does not answer at the moment", 2),
                }
            }
            _ => Self::internal(&error),
        }
    }
}
