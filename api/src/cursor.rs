//! Opaque cursors: where a page ended, and everything that the next page must agree with.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use views::read::{Clock, CompleteCut, Cut};

use crate::cut::{check_projection, parse_offsets};
use crate::problem::Problem;

/// A longer one leaves too little room for the rest of a request's head.
const MAX_CHARS: usize = 12 * 1024;

/// The cut of the first page, under short names.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CutPart {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    t: Option<String>,
    /// Whether `t` is a time on the event clock.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    e: bool,
    o: String,
    d: i64,
    p: i64,
}

impl CutPart {
    pub fn of(cut: &CompleteCut) -> Self {
        Self {
            t: cut.time.map(|(time, _)| time.to_string()),
            e: matches!(cut.time, Some((_, Clock::Event))),
            o: cut.offsets.to_string(),
            d: cut.decision,
            p: cut.projection,
        }
    }

    pub fn cut(&self) -> Result<Cut, Problem> {
        check_projection(Some(self.p))?;
        let clock = if self.e { Clock::Event } else { Clock::Append };
        let time = self.t.as_deref().map(str::parse).transpose().map_err(|_| broken())?;
        Ok(Cut {
            time: time.map(|time| (time, clock)),
            offsets: Some(parse_offsets("cursor", &self.o).map_err(|_| broken())?),
            decision: Some(self.d),
            projection: Some(self.p),
        })
    }
}

pub fn encode(cursor: &impl Serialize) -> String {
    // Cursors are structs of numbers and texts, and these always serialize.
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(cursor).unwrap_or_default())
}

pub fn decode<C: DeserializeOwned>(text: &str) -> Result<C, Problem> {
    if text.len() > MAX_CHARS {
        return Err(broken());
    }
    let json = URL_SAFE_NO_PAD.decode(text).map_err(|_| broken())?;
    serde_json::from_slice(&json).map_err(|_| broken())
}

pub fn broken() -> Problem {
    Problem::bad_request("the cursor is not valid; use next_cursor of an answer of this route, unchanged")
}
