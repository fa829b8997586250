//! Who may read and who may change something: every client that sends the right token.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use crate::problem::{Kind, Problem};

/// The tokens of this api. Without an admin token nobody may change anything; without a read token everybody may read.
#[derive(Clone, Debug, Default)]
pub struct Tokens {
    pub admin: Option<SecretString>,
    pub read: Option<SecretString>,
}

impl Tokens {
    pub fn check_admin(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let Some(token) = &self.admin else {
            return Err(Problem::new(
                Kind::Forbidden,
                "this api was started without API_ADMIN_TOKEN; it refuses every POST and shows no payloads",
            ));
        };
        match given(headers) {
            None => Err(Problem::unauthorized("send the header Authorization: Bearer TOKEN")),
            Some(given) if is_same(given, token) => Ok(()),
            Some(_) => Err(Problem::unauthorized("the token is not the admin token of this api")),
        }
    }

    /// The admin token permits reading too.
    pub fn check_read(&self, headers: &HeaderMap) -> Result<(), Problem> {
        if self.read.is_none() || self.is_read_token(headers) {
            return Ok(());
        }
        match (given(headers), &self.admin) {
            (Some(given), Some(admin)) if is_same(given, admin) => Ok(()),
            (None, _) => Err(Problem::unauthorized("send the header Authorization: Bearer TOKEN")),
            (Some(_), _) => Err(Problem::unauthorized("the token is not the read token of this api")),
        }
    }

    /// Whether the client sends the read token, and not only none or another one.
    pub fn is_read_token(&self, headers: &HeaderMap) -> bool {
        given(headers).zip(self.read.as_ref()).is_some_and(|(given, read)| is_same(given, read))
    }
}

/// What stands behind `Bearer`, whose case does not matter (RFC 9110). Another scheme is a wrong token.
fn given(headers: &HeaderMap) -> Option<&[u8]> {
    let given = headers.get(header::AUTHORIZATION)?.as_bytes();
    let (scheme, token) = given.split_at(given.len().min("Bearer ".len()));
    Some(if scheme.eq_ignore_ascii_case(b"Bearer ") { token.trim_ascii() } else { b"" })
}

/// Compares in constant time, so that the time of an answer does not reveal how much of a token is right.
fn is_same(given: &[u8], token: &SecretString) -> bool {
    given.ct_eq(token.expose_secret().as_bytes()).into()
}

/// Lets only readers pass; supervisors need no token for the probes. What readers get is theirs: caches that serve others
/// must not keep it.
pub async fn require_reader(State(tokens): State<Tokens>, request: Request, next: Next) -> Response {
    if !request.uri().path().starts_with("/health/")
        && let Err(problem) = tokens.check_read(request.headers())
    {
        return problem.into_response();
    }
    let mut response = next.run(request).await;
    if tokens.read.is_some()
        && let Some(cached) =
            response.headers().get(header::CACHE_CONTROL).and_then(|value| value.to_str().ok())
        && let Ok(private) = HeaderValue::from_str(&format!("private, {cached}"))
    {
        response.headers_mut().insert(header::CACHE_CONTROL, private);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(given: Option<&str>) -> HeaderMap {
        given.map(|given| (header::AUTHORIZATION, given.parse().unwrap())).into_iter().collect()
    }

    fn tokens(admin: Option<&str>, read: Option<&str>) -> Tokens {
        Tokens { admin: admin.map(SecretString::from), read: read.map(SecretString::from) }
    }

    #[test]
    fn only_the_admin_token_changes_something() {
        let check = |token: Option<&str>, given: Option<&str>| {
            tokens(token, Some("r3ad")).check_admin(&headers(given)).map_err(|problem| problem.status())
        };
        assert_eq!(check(Some("s3cret"), Some("Bearer s3cret")), Ok(()));
        assert_eq!(check(Some("s3cret"), Some("bearer s3cret")), Ok(()));
        for wrong in [
            "Bearer s3cre",
            "Bearer s3crets",
            "Bearer ",
            "Bearer",
            "",
            "Basic s3cret",
            "s3cret",
            "Bearer r3ad",
        ] {
            assert_eq!(check(Some("s3cret"), Some(wrong)), Err(401), "{wrong:?}");
        }
        assert_eq!(check(Some("s3cret"), None), Err(401));
        assert_eq!(check(None, Some("Bearer ")), Err(403));
    }

    #[test]
    fn both_tokens_read() {
        let check = |read: Option<&str>, given: Option<&str>| {
            tokens(Some("s3cret"), read).check_read(&headers(given)).map_err(|problem| problem.status())
        };
        for fine in ["Bearer r3ad", "bearer r3ad", "Bearer s3cret"] {
            assert_eq!(check(Some("r3ad"), Some(fine)), Ok(()), "{fine:?}");
        }
        for wrong in ["Bearer r3a", "Bearer ", "r3ad", "Basic r3ad"] {
            assert_eq!(check(Some("r3ad"), Some(wrong)), Err(401), "{wrong:?}");
        }
        assert_eq!(check(Some("r3ad"), None), Err(401));
        assert_eq!(check(None, None), Ok(()));
        assert_eq!(check(None, Some("Bearer anything")), Ok(()));
    }
}
