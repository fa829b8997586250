//! Reads that wait until a write is visible: `after` names the positions, `wait_ms` bounds the wait.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::header;
use orders::Positions;
use tokio::sync::{Mutex, Semaphore};
use views::read::{Cut, Reader};

use crate::cut::{offsets_schema, parse_offsets};
use crate::problem::{Kind, Problem};
use crate::query::{Parameter, ParameterSet, Query, integer};

/// How a client reads its own writes.
pub enum WaitParameters {}

impl ParameterSet for WaitParameters {
    const ALL: &'static [Parameter] = &[
        Parameter {
            name: "after",
            about: "Waits until these positions are applied, as PARTITION=NEXT_OFFSET,…: for a record that was written, its \
                    offset plus one. Answers 504 when they are not applied within `wait_ms`.",
            schema: offsets_schema,
        },
        Parameter {
            name: "wait_ms",
            about: "The longest wait in milliseconds, for `after` (5000 if it is left out) and, only where it is given, for \
                    `as_of_offsets` beyond what is applied.",
            schema: || integer(0, Some(MAX_WAIT_MS as i64), None),
        },
    ];
}

const DEFAULT_WAIT_MS: u64 = 5_000;
const MAX_WAIT_MS: u64 = 30_000;
pub const MAX_WAIT: Duration = Duration::from_millis(MAX_WAIT_MS);
/// How often the positions are read while requests wait, however many of them do.
const READ_INTERVAL: Duration = Duration::from_millis(10);

/// The positions to wait for, and for how long.
#[derive(Debug, PartialEq, Eq)]
struct Wait {
    target: Positions,
    limit: Duration,
}

/// How many requests may wait. Each looks at the positions a hundred times a second.
const MAX_WAITING: usize = 512;

/// The positions as they were read last, shared by all requests that wait.
#[derive(Clone, Debug)]
pub struct Applied {
    last: Arc<Mutex<Option<(Instant, Positions)>>>,
    waiting: Arc<Semaphore>,
}

impl Default for Applied {
    fn default() -> Self {
        Self { last: Arc::default(), waiting: Arc::new(Semaphore::new(MAX_WAITING)) }
    }
}

impl Applied {
    /// Returns once the positions that the request waits for are applied, or a 504 problem if that takes too long.
    /// A cut beyond what is applied is waited for only if the request gives `wait_ms`.
    pub async fn wait(&self, reader: &Reader, query: &Query, cut: Option<&Cut>) -> Result<(), Problem> {
        let Some(Wait { target, limit }) = parse(query, cut)? else { return Ok(()) };
        let Ok(_waiting) = self.waiting.try_acquire() else {
            return Err(Problem::unavailable(
                "too many requests wait for positions; try again in a moment",
                1,
            ));
        };
        let began = Instant::now();
        loop {
            let applied = self.read(reader).await?;
            if applied.have_reached(&target) {
                return Ok(());
            }
            if began.elapsed() + READ_INTERVAL > limit {
                let detail = format!(
                    "{target} was not applied within {} ms; the applied positions are {applied}",
                    limit.as_millis()
                );
                let problem = Problem::new(Kind::NotAppliedYet, detail);
                return Err(problem.header(header::RETRY_AFTER, 1.into()));
            }
            tokio::time::sleep(READ_INTERVAL).await;
        }
    }

    async fn read(&self, reader: &Reader) -> Result<Positions, Problem> {
        let asked_at = Instant::now();
        let mut last = self.last.lock().await;
        if let Some((at, offsets)) = &*last
            && *at >= asked_at
        {
            // Another request has read them while this one waited for its turn.
            return Ok(offsets.clone());
        }
        let now = Instant::now();
        let offsets = reader.head().await?.offsets();
        *last = Some((now, offsets.clone()));
        Ok(offsets)
    }
}

fn parse(query: &Query, cut: Option<&Cut>) -> Result<Option<Wait>, Problem> {
    let after = query.get("after").map(|text| parse_offsets("after", text)).transpose()?;
    let millis = query.get("wait_ms").map(wait_ms).transpose()?;
    let beyond = cut.and_then(|cut| cut.offsets.as_ref()).filter(|_| millis.is_some());
    if after.is_none() && beyond.is_none() {
        if millis.is_some() {
            return Err(Problem::bad_request(
                "wait_ms bounds the wait for after or as_of_offsets and needs one of them",
            ));
        }
        return Ok(None);
    }
    let mut target = after.unwrap_or_default();
    for (partition, position) in beyond.into_iter().flat_map(Positions::iter) {
        target.insert(partition, position.max(target.of(partition)));
    }
    Ok(Some(Wait { target, limit: Duration::from_millis(millis.unwrap_or(DEFAULT_WAIT_MS)) }))
}

fn wait_ms(text: &str) -> Result<u64, Problem> {
    match text.parse() {
        Ok(millis @ 0..=MAX_WAIT_MS) => Ok(millis),
        _ => Err(Problem::bad_request(format!(
            "wait_ms is {text:?}; it must be a whole number of milliseconds from 0 to {MAX_WAIT_MS}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cut::CutParameters;

    fn of(raw: &str) -> Result<Option<(String, u64)>, u16> {
        let query = Query::parse(Some(raw), &[WaitParameters::ALL, CutParameters::ALL])
            .map_err(|problem| problem.status())?;
        let cut = crate::cut::parse(&query).map_err(|problem| problem.status())?;
        let wait = parse(&query, cut.as_ref()).map_err(|problem| problem.status())?;
        Ok(wait.map(|wait| (wait.target.to_string(), wait.limit.as_millis() as u64)))
    }

    #[test]
    fn a_wait_has_a_target_and_a_bound() {
        assert_eq!(of(""), Ok(None));
        assert_eq!(of("after=0=13"), Ok(Some(("0=13".into(), DEFAULT_WAIT_MS))));
        assert_eq!(of("after=0=13,1=2&wait_ms=0"), Ok(Some(("0=13,1=2".into(), 0))));
        assert_eq!(of("as_of_offsets=0=9"), Ok(None), "a cut without wait_ms does not wait");
        assert_eq!(of("as_of_offsets=0=9,2=1&after=0=3&wait_ms=7"), Ok(Some(("0=9,2=1".into(), 7))));
        for wrong in ["wait_ms=5", "after=0", "after=0=1&wait_ms=-1", "after=0=1&wait_ms=30001"] {
            assert_eq!(of(wrong), Err(400), "{wrong}");
        }
    }
}
