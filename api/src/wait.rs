//! Reads that wait until a write is visible: `after` names positions, `wait_ms` bounds the wait.

use std::sync::Arc;
use std::time::{Duration, Instant};

use orders::Positions;
use tokio::sync::Mutex;
use views::read::{Cut, Reader};

use crate::cut::parse_offsets;
use crate::problem::Problem;
use crate::query::Query;

/// The parameters, for [`Query::parse`].
pub const NAMES: &[&str] = &["after", "wait_ms"];

/// Without `wait_ms`, in milliseconds.
const DEFAULT_WAIT: u64 = 5_000;
const MAX_WAIT: u64 = 30_000;
/// How often the positions are read while somebody waits, whoever and however many do.
const INTERVAL: Duration = Duration::from_millis(10);

/// What to wait for, and how long.
#[derive(Debug, PartialEq, Eq)]
struct Wait {
    target: Positions,
    limit: Duration,
}

/// The positions as they were read last, shared by all who wait.
#[derive(Clone, Debug, Default)]
pub struct Applied(Arc<Mutex<Option<(Instant, Positions)>>>);

impl Applied {
    /// Returns once what the request wants is applied; a 504 problem if that takes too long.
    /// A cut beyond what is applied is waited for where the request gives `wait_ms`.
    pub async fn wait(&self, reader: &Reader, query: &Query, cut: Option<&Cut>) -> Result<(), Problem> {
        let Some(Wait { target, limit }) = parse(query, cut)? else { return Ok(()) };
        let began = Instant::now();
        loop {
            let applied = self.read(reader).await?;
            if applied.have_reached(&target) {
                return Ok(());
            }
            if began.elapsed() + INTERVAL > limit {
                return Err(Problem::not_applied_yet(format!(
                    "{target} is not applied within {} ms; applied is {applied}",
                    limit.as_millis()
                )));
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }

    async fn read(&self, reader: &Reader) -> Result<Positions, Problem> {
        let asked_at = Instant::now();
        let mut last = self.0.lock().await;
        if let Some((at, offsets)) = &*last
            && *at >= asked_at
        {
            // Read by somebody else while this request waited for its turn.
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
                "wait_ms says how long to wait for after or as_of_offsets; give one",
            ));
        }
        return Ok(None);
    }
    let mut target = after.unwrap_or_default();
    for (partition, position) in beyond.into_iter().flat_map(Positions::iter) {
        target.insert(partition, position.max(target.of(partition)));
    }
    Ok(Some(Wait { target, limit: Duration::from_millis(millis.unwrap_or(DEFAULT_WAIT)) }))
}

fn wait_ms(text: &str) -> Result<u64, Problem> {
    match text.parse() {
        Ok(millis @ 0..=MAX_WAIT) => Ok(millis),
        _ => Err(Problem::bad_request(format!(
            "wait_ms is {text:?}; it is a whole number of milliseconds from 0 to {MAX_WAIT}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(raw: &str) -> Result<Option<(String, u64)>, u16> {
        let query =
            Query::parse(Some(raw), &[NAMES, crate::cut::NAMES]).map_err(|problem| problem.status())?;
        let cut = crate::cut::parse(&query).map_err(|problem| problem.status())?;
        let wait = parse(&query, cut.as_ref()).map_err(|problem| problem.status())?;
        Ok(wait.map(|wait| (wait.target.to_string(), wait.limit.as_millis() as u64)))
    }

    #[test]
    fn a_wait_has_a_target_and_a_bound() {
        assert_eq!(of(""), Ok(None));
        assert_eq!(of("after=0=13"), Ok(Some(("0=13".into(), DEFAULT_WAIT))));
        assert_eq!(of("after=0=13,1=2&wait_ms=0"), Ok(Some(("0=13,1=2".into(), 0))));
        assert_eq!(of("as_of_offsets=0=9"), Ok(None), "that is a 409 at once");
        assert_eq!(of("as_of_offsets=0=9,2=1&after=0=3&wait_ms=7"), Ok(Some(("0=9,2=1".into(), 7))));
        for wrong in ["wait_ms=5", "after=0", "after=0=1&wait_ms=-1", "after=0=1&wait_ms=30001"] {
            assert_eq!(of(wrong), Err(400), "{wrong}");
        }
    }
}
