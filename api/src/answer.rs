//! The answer of a read: its body, and the headers that say how fresh it is.

mod headers;

use std::time::Instant;

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use views::read::{CompleteCut, Head, Turn};

use crate::conditional;
use crate::cut::{self, CutParameters};
use crate::lag::Lag;
use crate::problem::Problem;
use crate::query::{ParameterSet, Query, encode};
use crate::wait::WaitParameters;

pub use headers::{ContentLocationHeader, FRESHNESS_HEADERS, FreshnessHeaders};

/// For a year, which is the longest that caches are asked for. A reload still asks whether it is the same.
const KEPT: &str = "max-age=31536000";

/// The headers of a read, taken from the same snapshot as its rows. They become an answer together with its body.
pub struct Freshness {
    headers: HeaderMap,
    turn: Option<Turn>,
}

impl Freshness {
    pub fn of(head: &Head, lag: &Lag) -> Self {
        let offsets = head.offsets();
        let behind = lag.behind(&offsets, Instant::now());
        let events = behind.map_or("unknown".into(), |behind| behind.events.to_string());
        let seconds = behind.map_or("unknown".into(), |behind| format!("{:.3}", behind.seconds));
        let mut headers = HeaderMap::with_capacity(8);
        headers.insert(headers::APPLIED_OFFSETS, value(&offsets.to_string()));
        headers.insert(headers::VIEW_BUILD, head.build.0.into());
        headers.insert(headers::OPEN_DEAD_LETTERS, head.open_dead_letters.into());
        headers.insert(headers::LAG_EVENTS, value(&events));
        headers.insert(headers::LAG_SECONDS, value(&seconds));
        // The next answer may differ: a client has to ask whether it does.
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        Self { headers, turn: None }
    }

    /// The answer may be large: what is still to be done for it is done in its turn.
    pub fn in_turn(self, turn: Option<Turn>) -> Self {
        Self { turn, ..self }
    }

    /// Does work on the answer.
    pub fn work<T>(&self, work: impl FnOnce() -> T) -> T {
        Turn::work(self.turn.as_ref(), work)
    }

    /// Nobody may keep the answer, because it holds what only operators may see.
    pub fn for_operators(mut self) -> Self {
        self.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        self
    }

    /// Adds the URL that gives the same bytes again: the one that was asked for, with the complete cut. If that is what was
    /// asked for, the answer may be kept.
    pub fn located(
        mut self,
        path: &str,
        query: &Query,
        limit: Option<u32>,
        cut: Option<&CompleteCut>,
    ) -> Self {
        let Some(complete) = cut else { return self };
        if cut::is_complete(query) {
            self.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(KEPT));
        }
        let replaced = [CutParameters::ALL, WaitParameters::ALL];
        let is_replaced = |name: &str| {
            name == "limit" || replaced.iter().copied().flatten().any(|parameter| parameter.name == name)
        };
        let mut parameters: Vec<(&str, String)> = query
            .iter()
            .filter(|(name, _)| !is_replaced(name))
            .map(|(name, value)| (name, value.to_owned()))
            .collect();
        if let Some(limit) = limit {
            parameters.push(("limit", limit.to_string()));
        }
        // A cursor carries its cut and does not take another one beside it.
        if query.get("cursor").is_none() {
            parameters.extend(cut::parameters(complete));
        }
        let query: Vec<_> =
            parameters.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
        self.headers.insert(header::CONTENT_LOCATION, value(&format!("{path}?{}", query.join("&"))));
        self
    }

    pub fn json(self, body: &impl Serialize) -> Result<Response, Problem> {
        let (body, etag) = self.work(|| {
            let body = serde_json::to_vec(body).map_err(|error| Problem::internal(&error))?;
            let etag = conditional::etag(&body);
            Ok::<_, Problem>((body, etag))
        })?;
        let mut response = (
            [(header::CONTENT_TYPE, HeaderValue::from_static("application/json")), (header::ETAG, etag)],
            body,
        )
            .into_response();
        response.headers_mut().extend(self.headers);
        Ok(response)
    }

    /// A problem that was found in the same snapshot.
    pub fn problem(mut self, problem: Problem) -> Problem {
        self.headers.remove(header::CACHE_CONTROL);
        problem.with_headers(self.headers)
    }
}

/// The callers pass only printable ASCII, which every header can carry.
fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static("unprintable"))
}
