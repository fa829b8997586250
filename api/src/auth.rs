//! Who may change something: every client that sends the admin token.

use axum::http::{HeaderMap, header};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use crate::problem::{Kind, Problem};

#[derive(Clone, Debug)]
pub struct AdminToken(pub Option<SecretString>);

impl AdminToken {
    /// Compares in constant time, so that the time of an answer does not reveal how much of a token is right.
    pub fn check(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let Some(token) = &self.0 else {
            return Err(Problem::new(
                Kind::Forbidden,
                "this api was started without API_ADMIN_TOKEN; it refuses every POST and shows no payloads",
            ));
        };
        let Some(given) = headers.get(header::AUTHORIZATION) else {
            return Err(Problem::unauthorized("send the header Authorization: Bearer TOKEN"));
        };
        let given = given.as_bytes();
        // The case of the scheme does not matter (RFC 9110).
        let (scheme, given) = given.split_at(given.len().min("Bearer ".len()));
        let same = given.trim_ascii().ct_eq(token.expose_secret().as_bytes());
        if scheme.eq_ignore_ascii_case(b"Bearer ") && bool::from(same) {
            return Ok(());
        }
        Err(Problem::unauthorized("the token is not the admin token of this api"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_bearer_token_passes() {
        let check = |token: Option<&str>, given: Option<&str>| {
            let mut headers = HeaderMap::new();
            if let Some(given) = given {
                headers.insert(header::AUTHORIZATION, given.parse().unwrap());
            }
            AdminToken(token.map(SecretString::from)).check(&headers).map_err(|problem| problem.status())
        };
        assert_eq!(check(Some("s3cret"), Some("Bearer s3cret")), Ok(()));
        assert_eq!(check(Some("s3cret"), Some("bearer s3cret")), Ok(()));
        for wrong in ["Bearer s3cre", "Bearer s3crets", "Bearer ", "Bearer", "", "Basic s3cret", "s3cret"] {
            assert_eq!(check(Some("s3cret"), Some(wrong)), Err(401), "{wrong:?}");
        }
        assert_eq!(check(Some("s3cret"), None), Err(401));
        assert_eq!(check(None, Some("Bearer ")), Err(403));
    }
}
