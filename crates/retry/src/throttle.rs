//! A limit for warnings that repeat.

use std::time::{Duration, Instant};

const INTERVAL: Duration = Duration::from_secs(10);

/// Lets the first warning through, and then one every 10 s: a server that is away for an hour should not
/// fill the log.
#[derive(Debug, Default)]
pub struct Throttle {
    last: Option<Instant>,
}

impl Throttle {
    /// Whether to warn now; if so, the next 10 s are silent.
    pub fn is_due(&mut self) -> bool {
        self.is_due_at(Instant::now())
    }

    fn is_due_at(&mut self, now: Instant) -> bool {
        let is_due = self.last.is_none_or(|last| now.saturating_duration_since(last) >= INTERVAL);
        if is_due {
            self.last = Some(now);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_warning_every_ten_seconds() {
        let start = Instant::now();
        let mut throttle = Throttle::default();
        let warned: Vec<u64> =
            (0..25).filter(|second| throttle.is_due_at(start + Duration::from_secs(*second))).collect();
        assert_eq!(warned, [0, 10, 20]);
    }
}
