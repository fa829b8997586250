//! The pace: when the next event is due.

use std::time::{Duration, Instant};

/// A producer that is late by more than this skips the delay instead of catching up.
const LONGEST_DELAY: Duration = Duration::from_secs(1);

pub struct Pace {
    between: Duration,
    due: Instant,
}

impl Pace {
    pub fn new(events_per_second: f64, now: Instant) -> Self {
        Self { between: Duration::from_secs_f64(1.0 / events_per_second), due: now }
    }

    /// How long to wait before the next event; `None` if it is due.
    pub fn wait(&mut self, now: Instant) -> Option<Duration> {
        if now.saturating_duration_since(self.due) > LONGEST_DELAY {
            self.due = now;
        }
        Some(self.due.saturating_duration_since(now)).filter(|wait| !wait.is_zero())
    }

    /// Must be called after each event that was written.
    pub fn step(&mut self) {
        self.due += self.between;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_a_second_are_100_ms_apart_and_late_ones_catch_up() {
        let start = Instant::now();
        let after = |millis| start + Duration::from_millis(millis);
        let mut pace = Pace::new(10.0, start);
        assert_eq!(pace.wait(start), None);
        pace.step();
        assert_eq!(pace.wait(after(40)), Some(Duration::from_millis(60)));
        assert_eq!(pace.wait(after(250)), None);
        pace.step();
        assert_eq!(pace.wait(after(250)), None);
        pace.step();
        assert_eq!(pace.wait(after(250)), Some(Duration::from_millis(50)));
    }

    #[test]
    fn a_long_delay_is_not_caught_up() {
        let start = Instant::now();
        let mut pace = Pace::new(10.0, start);
        assert_eq!(pace.wait(start + Duration::from_secs(60)), None);
        pace.step();
        assert_eq!(pace.wait(start + Duration::from_secs(60)), Some(Duration::from_millis(100)));
    }
}
