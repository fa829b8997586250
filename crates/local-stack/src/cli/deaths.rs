//! How often a program may end by itself before it is not started again.

use std::time::{Duration, Instant};

/// Deaths within this time count together.
const WITHIN: Duration = Duration::from_secs(60);
/// A program that ends once more is given up.
const MOST: usize = 3;
/// Before it is started again.
const PAUSE: Duration = Duration::from_secs(1);

/// When a program has ended by itself.
#[derive(Debug, Default)]
pub struct Deaths(Vec<Instant>);

/// What follows from a death.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    StartAgain,
    GiveUp { times: usize },
}

impl Deaths {
    pub fn note(&mut self, now: Instant) -> Verdict {
        self.0.retain(|death| now.duration_since(*death) < WITHIN);
        self.0.push(now);
        match self.0.len() {
            ..=MOST => Verdict::StartAgain,
            times => Verdict::GiveUp { times },
        }
    }

    /// Whether the pause after the last death is over.
    pub fn is_over(&self, now: Instant) -> bool {
        self.0.last().is_none_or(|death| now.duration_since(*death) >= PAUSE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_ends_again_and_again_is_given_up() {
        let (mut deaths, start) = (Deaths::default(), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        for seconds in [0, 10, 20, 61, 71, 81] {
            assert_eq!(deaths.note(after(seconds)), Verdict::StartAgain, "{seconds}");
        }
        assert_eq!(deaths.note(after(90)), Verdict::GiveUp { times: 4 });
    }

    #[test]
    fn it_is_started_again_after_a_pause() {
        let (mut deaths, now) = (Deaths::default(), Instant::now());
        assert!(deaths.is_over(now));
        deaths.note(now);
        assert!(!deaths.is_over(now + Duration::from_millis(900)) && deaths.is_over(now + PAUSE));
    }
}
