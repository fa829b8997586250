//! The answer of a read: its body, and the headers that say how fresh it is.

use std::time::Instant;

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use views::read::{CompleteCut, Head};

use crate::cut;
use crate::lag::Lag;
use crate::problem::Problem;
use crate::query::{Query, encode};
use crate::wait;

/// What a read says about itself, from the snapshot of its rows.
pub struct Freshness(HeaderMap);

impl Freshness {
    pub fn of(head: &Head, lag: &Lag) -> Self {
        let offsets = head.offsets();
        let behind = lag.behind(&offsets, Instant::now());
        let events = behind.map_or("unknown".into(), |behind| behind.events.to_string());
        let seconds = behind.map_or("unknown".into(), |behind| format!("{:.3}", behind.seconds));
        let mut headers = HeaderMap::with_capacity(8);
        headers.insert("applied-offsets", value(&offsets.to_string()));
        headers.insert("view-build", head.build.0.into());
        headers.insert("open-dead-letters", head.open_dead_letters.into());
        headers.insert("lag-events", value(&events));
        headers.insert("lag-seconds", value(&seconds));
        // The next answer may be another one.
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Self(headers)
    }

    /// Adds the URL that gives the same bytes again: this one, with everything said.
    pub fn located(
        mut self,
        path: &str,
        query: &Query,
        limit: Option<u32>,
        cut: Option<&CompleteCut>,
    ) -> Self {
        let Some(complete) = cut else { return self };
        let mut parameters: Vec<(&str, String)> = query
            .names()
            // A cursor carries its cut; saying both would be asking twice.
            .filter(|name| *name != "limit" && !cut::NAMES.contains(name) && !wait::NAMES.contains(name))
            .filter_map(|name| Some((name, query.get(name)?.to_owned())))
            .collect();
        if let Some(limit) = limit {
            parameters.push(("limit", limit.to_string()));
        }
        if query.get("cursor").is_none() {
            parameters.extend(cut::parameters(complete));
        }
        let query: Vec<_> =
            parameters.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
        self.0.insert(header::CONTENT_LOCATION, value(&format!("{path}?{}", query.join("&"))));
        self
    }

    pub fn json(self, body: &impl Serialize) -> Result<Response, Problem> {
        let body = serde_json::to_vec(body).map_err(|error| Problem::internal(&error))?;
        let mut response = ([(header::CONTENT_TYPE, "application/json")], body).into_response();
        response.headers_mut().extend(self.0);
        Ok(response)
    }

    /// An error that came out of the same snapshot.
    pub fn problem(mut self, problem: Problem) -> Problem {
        self.0.remove(header::CACHE_CONTROL);
        problem.with_headers(self.0)
    }
}

/// Of texts of digits and ASCII punctuation.
fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static("unprintable"))
}
