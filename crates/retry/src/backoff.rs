//! How long to pause after a failure.

use std::time::{Duration, Instant};

use rand::Rng;

/// The pauses of one loop: 10 to 20 ms after the first failure, twice as long after each further one, and
/// 2.5 to 5 s from the ninth on. Within these bounds a pause is random, so that processes that failed at
/// the same time do not come back at the same time.
#[derive(Debug, Default)]
pub struct Backoff {
    failures: u32,
    failing_since: Option<Instant>,
}

impl Backoff {
    /// Counts a failure, and returns the pause before the next attempt.
    pub fn next_pause(&mut self) -> Duration {
        self.failing_since.get_or_insert_with(Instant::now);
        self.failures = self.failures.saturating_add(1);
        pause(self.failures)
    }

    /// Starts over, after a success.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// Failures since the start or the last [`Backoff::reset`].
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// The time since the first of these failures; zero without one.
    #[must_use]
    pub fn failing_for(&self) -> Duration {
        self.failing_since.map_or(Duration::ZERO, |since| since.elapsed())
    }
}

/// The pause after this many failures in a row.
fn pause(failures: u32) -> Duration {
    let longest = 10_u64.saturating_mul(1 << failures.min(9)).min(5_000);
    Duration::from_millis(rand::rng().random_range(longest / 2..=longest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_from_10_ms_up_to_5_s() {
        let mut backoff = Backoff::default();
        for longest in [20, 40, 80, 160, 320, 640, 1280, 2560, 5000, 5000, 5000] {
            let pause = backoff.next_pause().as_millis();
            assert!((longest / 2..=longest).contains(&pause), "{pause} ms of {longest}");
        }
    }

    #[test]
    fn pauses_differ_between_processes_that_failed_together() {
        let pauses: std::collections::BTreeSet<_> = (0..50).map(|_| pause(9)).collect();
        assert!(pauses.len() > 1);
    }

    #[test]
    fn any_number_of_failures_has_a_pause() {
        assert!(pause(0) <= Duration::from_millis(10));
        assert!(pause(u32::MAX) <= Duration::from_secs(5));
    }

    #[test]
    fn a_reset_starts_over() {
        let mut backoff = Backoff::default();
        assert_eq!((backoff.failures(), backoff.failing_for()), (0, Duration::ZERO));
        for _ in 0..20 {
            backoff.next_pause();
        }
        std::thread::sleep(Duration::from_millis(1));
        assert_eq!(backoff.failures(), 20);
        assert!(backoff.failing_for() > Duration::ZERO);
        backoff.reset();
        assert_eq!((backoff.failures(), backoff.failing_for()), (0, Duration::ZERO));
        assert!(backoff.next_pause() <= Duration::from_millis(20));
    }
}
