//! `ETag` and `If-None-Match`: a client that has an answer already is told so, instead of getting it again.

use std::hash::{DefaultHasher, Hasher};

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

/// The tag of a body. It is weak, because the same answer may be sent compressed.
pub fn etag(body: &[u8]) -> HeaderValue {
    let mut hasher = DefaultHasher::new();
    hasher.write(body);
    // Hexadecimal digits are valid in every header.
    HeaderValue::from_str(&format!("W/\"{:016x}\"", hasher.finish()))
        .unwrap_or_else(|_| HeaderValue::from_static("W/\"\""))
}

/// Answers 304 without a body if the client names the tag of the answer.
pub async fn not_modified(request: Request, next: Next) -> Response {
    let is_read = [Method::GET, Method::HEAD].contains(request.method());
    let known: Vec<_> = request.headers().get_all(header::IF_NONE_MATCH).iter().cloned().collect();
    let mut response = next.run(request).await;
    if is_read && response.status() == StatusCode::OK && is_known(&known, response.headers()) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.body_mut() = Body::empty();
        for name in [header::CONTENT_TYPE, header::CONTENT_LENGTH] {
            response.headers_mut().remove(name);
        }
    }
    response
}

fn is_known(known: &[HeaderValue], headers: &HeaderMap) -> bool {
    let Some(etag) = headers.get(header::ETAG).and_then(|tag| tag.to_str().ok()) else { return false };
    let tags = known.iter().filter_map(|value| value.to_str().ok()).flat_map(|list| list.split(','));
    // Proxies drop the mark of a weak tag, or add one.
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let etag = opaque(etag);
    tags.map(opaque).any(|tag| tag == "*" || tag == etag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_found_in_lists_and_forms_of_all_kinds() {
        let tag = etag(b"body");
        let mut headers = HeaderMap::new();
        headers.insert(header::ETAG, tag.clone());
        let text = tag.to_str().unwrap();
        let strong = text.trim_start_matches("W/").to_owned();
        for known in
            [text.to_owned(), strong.clone(), format!("\"x\", {text}"), format!("{strong},\"y\""), "*".into()]
        {
            assert!(is_known(&[known.parse().unwrap()], &headers), "{known}");
        }
        for other in ["", "\"x\"", "W/\"x\"", "x"] {
            assert!(!is_known(&[other.parse().unwrap()], &headers), "{other}");
        }
        assert!(!is_known(&[], &headers));
        assert_ne!(etag(b"body"), etag(b"another"));
    }
}
