//! Answers for clients that take gzip.

use std::io::Write;
use std::sync::Arc;

use axum::body::{Body, HttpBody};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::sync::Semaphore;

use crate::one_piece;

/// Smaller answers fit into a packet or two as they are.
const MIN_BYTES: u64 = 1 << 10;
/// Smaller answers are compressed where they are made.
const LARGE_BYTES: usize = 64 << 10;

/// How many large answers are compressed at a time. A further one is sent as it is.
#[derive(Clone)]
pub struct Compressors(Arc<Semaphore>);

impl Default for Compressors {
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self(Arc::new(Semaphore::new((processors / 2).max(1))))
    }
}

/// Compresses the answer as one piece, so that no client holds the memory of a compressor while it reads.
pub async fn gzip(State(compressors): State<Compressors>, request: Request, next: Next) -> Response {
    let takes_gzip = takes_gzip(request.headers());
    let mut response = next.run(request).await;
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept-encoding"));
    let is_worth_it = response.body().size_hint().exact().is_some_and(|bytes| bytes >= MIN_BYTES);
    if !takes_gzip || !is_worth_it || response.headers().contains_key(header::CONTENT_ENCODING) {
        return response;
    }
    let (mut parts, bytes) = match one_piece::take(response).await {
        Ok(taken) => taken,
        Err(problem) => return problem,
    };
    let packed = if bytes.len() < LARGE_BYTES {
        pack(&bytes)
    } else {
        match compressors.0.try_acquire() {
            Ok(_permit) => tokio::task::block_in_place(|| pack(&bytes)),
            Err(_) => None,
        }
    };
    let Some(packed) = packed else { return Response::from_parts(parts, Body::from(bytes)) };
    parts.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(packed))
}

/// Writing to memory does not fail.
fn pack(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::fast());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}

/// `gzip` is among the encodings, and not with the weight 0.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let lists = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|list| list.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|encoding| {
        let mut parts = encoding.split(';').map(str::trim);
        let is_gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        is_gzip && !parts.any(|weight| ["q=0", "q=0.0", "q=0.00", "q=0.000"].contains(&weight))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_for_those_who_name_it() {
        let takes = |text: &str| {
            takes_gzip(&[(header::ACCEPT_ENCODING, text.parse().unwrap())].into_iter().collect())
        };
        for yes in ["gzip", "br, GZIP", "gzip;q=0.5", "deflate, gzip;q=1.0, *;q=0.5"] {
            assert!(takes(yes), "{yes}");
        }
        for no in ["", "identity", "br", "gzip;q=0", "gzip; q=0.0", "x-gzipped"] {
            assert!(!takes(no), "{no}");
        }
    }
}
