//! Errors as RFC 9457 problem documents. Nothing else in the API turns an error into HTTP.

mod conversions;
mod kind;
mod responses;

use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use service::exit::chain;

pub use kind::Kind;
pub use responses::{AnyRequest, AsOf, Guarded, Named, ProblemSet, Problems, Waiting, WithBody};

/// What the client is told. The causes of internal errors stay in the log.
#[derive(Debug)]
pub struct Problem(Box<Parts>);

#[derive(Debug)]
struct Parts {
    kind: Kind,
    detail: String,
    members: Members,
    headers: HeaderMap,
}

/// A problem document (RFC 9457).
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub struct Body {
    /// `urn:food-orders:problem:` and a word for the kind of problem.
    #[schema(example = "urn:food-orders:problem:bad-request", pattern = "^urn:food-orders:problem:[a-z-]+$")]
    r#type: String,
    /// The same for every problem of this type.
    title: &'static str,
    /// The status of the answer.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What exactly was wrong, and what to do about it.
    detail: String,
    #[serde(flatten)]
    members: Members,
}

/// Members that only some types of problems have.
#[derive(Clone, Debug, Default, Serialize, utoipa::ToSchema)]
#[schema(as = ProblemMembers)]
pub struct Members {
    /// Only in `cut-ahead`: the positions that are applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, example = "0=12,1=9")]
    pub applied_offsets: Option<String>,
    /// Only in `rebuild-running`: the path of that rebuild.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, example = "/rebuilds/7")]
    pub rebuild: Option<String>,
    /// Only in `dead-letter-closed`: the state of the dead letter.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = dead_letters::DeadLetterState)]
    pub state: Option<String>,
    /// Only in `dead-letter-closed`: the number of the decision that closed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = i64)]
    pub decision: Option<i64>,
    /// Only in `still-refused`: why the record was refused this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = orders::Cause)]
    pub cause: Option<&'static str>,
}

impl Problem {
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        let (members, headers) = (Members::default(), HeaderMap::new());
        Self(Box::new(Parts { kind, detail: detail.into(), members, headers }))
    }

    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(Kind::BadRequest, detail)
    }

    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(Kind::NotFound, detail)
    }

    pub fn method_not_allowed(method: &Method) -> Self {
        let detail = format!("{method} is not allowed here; the header Allow lists the methods that are");
        Self::new(Kind::MethodNotAllowed, detail)
    }

    pub fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(Kind::Unauthorized, detail)
            .header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    pub fn body_too_large(limit: usize) -> Self {
        // The unread rest of the body makes another request on this connection impossible.
        Self::new(Kind::BodyTooLarge, format!("the body has more than {limit} bytes"))
            .header(header::CONNECTION, HeaderValue::from_static("close"))
    }

    /// A condition that may pass within a few seconds.
    pub fn unavailable(detail: impl Into<String>, retry_after_seconds: u16) -> Self {
        Self::new(Kind::Unavailable, detail).header(header::RETRY_AFTER, retry_after_seconds.into())
    }

    /// Logs the error in full. The client learns only where to look.
    pub fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error = chain(error), "a request failed");
        Self::new(Kind::Internal, "the log of this api names the cause")
    }

    #[cfg(test)]
    pub fn status(&self) -> u16 {
        self.0.kind.status().as_u16()
    }

    #[must_use]
    pub fn with_members(mut self, members: Members) -> Self {
        self.0.members = members;
        self
    }

    #[must_use]
    pub fn header(mut self, name: header::HeaderName, value: HeaderValue) -> Self {
        self.0.headers.insert(name, value);
        self
    }

    /// Keeps the headers of a read on its problem.
    #[must_use]
    pub fn with_headers(mut self, headers: HeaderMap) -> Self {
        self.0.headers.extend(headers);
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Parts { kind, detail, members, headers: own } = *self.0;
        let body = Body {
            r#type: format!("urn:food-orders:problem:{}", kind.slug()),
            title: kind.title(),
            status: kind.status().as_u16(),
            detail,
            members,
        };
        let mut response = (kind.status(), axum::Json(body)).into_response();
        let headers = response.headers_mut();
        headers.extend(own);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}
