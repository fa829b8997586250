//! Health: named checks and heartbeats, each with the reason why it fails.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What the three probes answer. Clones share their state.
///
/// - **live**: no heartbeat is overdue. If it fails, the process should be restarted.
/// - **started**: start-up has finished. This never changes back.
/// - **ready**: live, started, and every named check is fine.
#[derive(Clone, Debug, Default)]
pub struct Health(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    started: bool,
    checks: BTreeMap<&'static str, Result<(), String>>,
    details: BTreeMap<&'static str, String>,
    heartbeats: BTreeMap<&'static str, Instant>,
}

/// One probe's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Each check, with the reason if it fails.
    pub checks: Vec<(&'static str, Result<(), String>)>,
    /// What is to be known about a check that passes.
    pub details: BTreeMap<&'static str, String>,
}

impl Report {
    #[must_use]
    pub fn is_fine(&self) -> bool {
        self.checks.iter().all(|(_, state)| state.is_ok())
    }
}

impl Health {
    /// Creates a state in which these checks fail until they are set for the first time.
    #[must_use]
    pub fn expecting(checks: &[&'static str]) -> Self {
        let health = Self::default();
        for check in checks {
            health.set(check, Err("not known yet"));
        }
        health
    }

    /// Sets a readiness check, with the reason if it fails. Logs each change between passing and failing.
    pub fn set(&self, check: &'static str, state: Result<(), impl Into<String>>) {
        let state = state.map_err(Into::into);
        let mut all = self.lock();
        let before = all.checks.insert(check, state.clone());
        drop(all);
        match (before, state) {
            (Some(Ok(())), Err(reason)) => tracing::warn!(check, reason, "not ready"),
            (Some(Err(_)), Ok(())) => tracing::info!(check, "ready"),
            _ => {}
        }
    }

    /// Adds to a check what is to be known about it even if it passes; `None`: nothing.
    pub fn set_detail(&self, check: &'static str, detail: Option<String>) {
        let mut state = self.lock();
        match detail {
            Some(detail) => state.details.insert(check, detail),
            None => state.details.remove(check),
        };
    }

    /// Marks start-up as finished.
    pub fn set_started(&self) {
        self.lock().started = true;
    }

    /// Records the heartbeat of a loop that must not hang. If the next one does not come `within` this time, the
    /// process is no longer live.
    pub fn beat(&self, name: &'static str, within: Duration) {
        self.lock().heartbeats.insert(name, Instant::now() + within);
    }

    /// Expects no further beat, because the loop has ended.
    pub fn rest(&self, name: &'static str) {
        self.lock().heartbeats.remove(name);
    }

    #[must_use]
    pub fn live(&self) -> Report {
        Report { checks: heartbeats(&self.lock()), details: BTreeMap::new() }
    }

    #[must_use]
    pub fn started(&self) -> Report {
        Report { checks: vec![started(&self.lock())], details: BTreeMap::new() }
    }

    #[must_use]
    pub fn ready(&self) -> Report {
        let state = self.lock();
        let mut checks = heartbeats(&state);
        checks.push(started(&state));
        checks.extend(state.checks.iter().map(|(name, state)| (*name, state.clone())));
        Report { checks, details: state.details.clone() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic ends the process, so nobody sees state that it left half written.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn started(state: &State) -> (&'static str, Result<(), String>) {
    ("started", if state.started { Ok(()) } else { Err("still starting".into()) })
}

fn heartbeats(state: &State) -> Vec<(&'static str, Result<(), String>)> {
    let now = Instant::now();
    let overdue = |due: &Instant| match now.checked_duration_since(*due) {
        Some(late) if !late.is_zero() => Err(format!("no sign of life, {:.1} s overdue", late.as_secs_f64())),
        _ => Ok(()),
    };
    state.heartbeats.iter().map(|(name, due)| (*name, overdue(due))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FINE: Result<(), String> = Ok(());

    #[test]
    fn ready_needs_the_start_and_every_check() {
        let health = Health::expecting(&["database", "kafka"]);
        assert!(health.live().is_fine());
        assert!(!health.started().is_fine() && !health.ready().is_fine());
        health.set("database", FINE);
        health.set("kafka", FINE);
        assert!(!health.ready().is_fine());
        health.set_started();
        assert!(health.ready().is_fine());
        health.set("database", Err("connection refused"));
        let report = health.ready();
        assert!(!report.is_fine());
        assert!(report.checks.contains(&("database", Err("connection refused".into()))));
        assert!(health.started().is_fine(), "started stays");
    }

    #[test]
    fn a_missed_heartbeat_makes_the_process_not_live() {
        let health = Health::default();
        health.beat("poll loop", Duration::from_secs(60));
        assert!(health.live().is_fine());
        health.beat("poll loop", Duration::ZERO);
        std::thread::sleep(Duration::from_millis(2));
        assert!(!health.live().is_fine());
        health.rest("poll loop");
        assert!(health.live().is_fine());
    }
}
