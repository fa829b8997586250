//! Every kind of problem that the API answers: its status, the end of its `type`, its title.

use axum::http::StatusCode;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    BadRequest,
    Unauthorized,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    RequestTimeout,
    CutAhead,
    DecisionAhead,
    DeadLetterClosed,
    RecordGone,
    RebuildRunning,
    RebuildEnded,
    ProjectionGone,
    BodyTooLarge,
    UnsupportedMediaType,
    StillRefused,
    Internal,
    Unavailable,
    NotAppliedYet,
}

impl Kind {
    fn row(self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Self::BadRequest => (S::BAD_REQUEST, "bad-request", "The request is not valid"),
            Self::Unauthorized => (S::UNAUTHORIZED, "unauthorized", "The token is missing or wrong"),
            Self::Forbidden => (S::FORBIDDEN, "forbidden", "This api was started without an admin token"),
            Self::NotFound => (S::NOT_FOUND, "not-found", "Not found"),
            Self::MethodNotAllowed => {
                (S::METHOD_NOT_ALLOWED, "method-not-allowed", "The method is not allowed")
            }
            Self::RequestTimeout => {
                (S::REQUEST_TIMEOUT, "request-timeout", "The body did not arrive in time")
            }
            Self::CutAhead => (S::CONFLICT, "cut-ahead", "The cut lies beyond what is applied"),
            Self::DecisionAhead => (S::CONFLICT, "decision-ahead", "The decision has not been taken yet"),
            Self::DeadLetterClosed => {
                (S::CONFLICT, "dead-letter-closed", "The dead letter is already closed")
            }
            Self::RecordGone => (S::CONFLICT, "record-gone", "The log no longer holds the complete record"),
            Self::RebuildRunning => {
                (S::CONFLICT, "rebuild-running", "Another rebuild of the view is running")
            }
            Self::RebuildEnded => (S::CONFLICT, "rebuild-ended", "The rebuild has ended"),
            Self::ProjectionGone => {
                (S::GONE, "projection-gone", "The projection version is no longer available")
            }
            Self::BodyTooLarge => (S::PAYLOAD_TOO_LARGE, "too-large", "The body is too large"),
            Self::UnsupportedMediaType => {
                (S::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "The body is not application/json")
            }
            Self::StillRefused => (S::UNPROCESSABLE_ENTITY, "still-refused", "The record was refused again"),
            Self::Internal => (S::INTERNAL_SERVER_ERROR, "internal", "Internal error"),
            Self::Unavailable => (S::SERVICE_UNAVAILABLE, "unavailable", "Not available at the moment"),
            Self::NotAppliedYet => {
                (S::GATEWAY_TIMEOUT, "not-applied-yet", "The positions were not applied in time")
            }
        }
    }

    pub fn status(self) -> StatusCode {
        self.row().0
    }

    /// The end of the problem's `type`. Clients tell problems apart by it, so it never changes.
    pub fn slug(self) -> &'static str {
        self.row().1
    }

    /// The same for every problem of this kind.
    pub fn title(self) -> &'static str {
        self.row().2
    }

    /// The name of the header that every problem of this kind carries, with its meaning.
    pub fn header(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Unauthorized => Some(("WWW-Authenticate", "The scheme that is expected: `Bearer`.")),
            Self::MethodNotAllowed => Some(("Allow", "The methods that are possible.")),
            Self::Unavailable | Self::NotAppliedYet => {
                Some(("Retry-After", "The seconds after which to try again."))
            }
            _ => None,
        }
    }
}
