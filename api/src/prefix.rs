//! Behind a proxy that serves the API under a path of its own, such as `/food`, and removes it from requests: the proxy
//! names it in `X-Forwarded-Prefix`, and the paths in headers begin with it.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

const FORWARDED_PREFIX: &str = "x-forwarded-prefix";
const MAX_CHARS: usize = 256;

/// Puts the prefix before the paths that an answer names.
pub async fn add(request: Request, next: Next) -> Response {
    let prefix = prefix(request.headers());
    let mut response = next.run(request).await;
    for name in [header::LOCATION, header::CONTENT_LOCATION] {
        if response.headers().contains_key(&name) {
            response.headers_mut().append(header::VARY, HeaderValue::from_static(FORWARDED_PREFIX));
        }
        if let Some(prefix) = &prefix {
            let path = response.headers().get(&name).and_then(|path| path.to_str().ok());
            let path = path.filter(|path| path.starts_with('/')).map(|path| format!("{prefix}{path}"));
            if let Some(value) = path.and_then(|path| HeaderValue::from_str(&path).ok()) {
                response.headers_mut().insert(name, value);
            }
        }
    }
    response
}

/// The path without a slash at its end. What is not a path is ignored, because any client can send the header.
fn prefix(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(FORWARDED_PREFIX)?.to_str().ok()?.trim_end_matches('/');
    let is_path = text.starts_with('/') && !text.starts_with("//") && text.len() <= MAX_CHARS;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/-._~".contains(c);
    let has_dots = text.split('/').any(|segment| [".", ".."].contains(&segment));
    (is_path && !has_dots && text.chars().all(is_plain)).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_path_is_a_prefix() {
        let of = |text: &str| {
            prefix(&[(FORWARDED_PREFIX.parse().unwrap(), text.parse().unwrap())].into_iter().collect())
        };
        assert_eq!(of("/food").as_deref(), Some("/food"));
        assert_eq!(of("/a/b-c/").as_deref(), Some("/a/b-c"));
        for wrong in
            ["", "/", "food", "//evil.example", "https://evil.example", "/a b", "/a/../b", "/a?b", "/a\"b"]
        {
            assert_eq!(of(wrong), None, "{wrong:?}");
        }
        assert_eq!(of(&format!("/{}", "x".repeat(300))), None);
    }
}
