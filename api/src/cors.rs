//! Which web pages may call the API from a browser.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method, header};
use service::Invalid;
use tower_http::cors::{Any, CorsLayer};

use crate::answer::FRESHNESS_HEADERS;

/// How long a browser may keep the answer to the request that it sends before another one.
const MAX_AGE: Duration = Duration::from_secs(3600);

/// `origins`: such as `https://shop.example,https://admin.example`, or `*`. `None` if there are none.
pub fn layer(origins: Option<&str>) -> Result<Option<CorsLayer>, Invalid> {
    let origins: Vec<_> =
        origins.unwrap_or_default().split(',').map(str::trim).filter(|origin| !origin.is_empty()).collect();
    let layer = CorsLayer::new()
        .allow_methods([Method::GET, Method::HEAD, Method::POST])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, header::IF_NONE_MATCH])
        .expose_headers(exposed())
        .max_age(MAX_AGE);
    match origins.as_slice() {
        [] => Ok(None),
        ["*"] => Ok(Some(layer.allow_origin(Any))),
        origins => {
            let values = origins.iter().map(|origin| parse(origin)).collect::<Result<Vec<_>, _>>()?;
            Ok(Some(layer.allow_origin(values)))
        }
    }
}

fn exposed() -> Vec<HeaderName> {
    let standard = [header::CONTENT_LOCATION, header::LOCATION, header::ETAG, header::RETRY_AFTER];
    FRESHNESS_HEADERS.into_iter().map(HeaderName::from_static).chain(standard).collect()
}

/// An origin has a scheme, a host and perhaps a port, and no path: a browser compares it as a text.
fn parse(origin: &str) -> Result<HeaderValue, Invalid> {
    let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    let is_origin = host.is_some_and(|host| {
        !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte))
    });
    let value = HeaderValue::from_str(origin).ok().filter(|_| is_origin);
    value.ok_or_else(|| {
        let reason = format!(
            "contains {origin:?}; it must be origins such as https://shop.example, separated by commas, or *"
        );
        Invalid::new("API_CORS_ORIGINS", reason)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_read_strictly() {
        assert!(layer(None).unwrap().is_none());
        assert!(layer(Some(" ")).unwrap().is_none());
        for fine in ["*", "https://shop.example", "http://localhost:3000, https://[::1]:8443"] {
            assert!(layer(Some(fine)).unwrap().is_some(), "{fine}");
        }
        for wrong in ["shop.example", "https://", "https://shop.example/", "https://a,*", "null"] {
            assert!(layer(Some(wrong)).is_err(), "{wrong}");
        }
    }
}
