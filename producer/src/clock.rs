//! What time it is when an event happens.

use std::time::Duration;

use orders::Time;

#[derive(Clone, Copy, Debug)]
pub enum Clock {
    Wall,
    /// Begins here and follows the simulation, so that a run can be repeated byte for byte.
    Simulated(Time),
}

impl Clock {
    /// `elapsed` is the time that went by in the simulation. To the millisecond.
    pub fn at(self, elapsed: Duration) -> Time {
        match self {
            Self::Wall => Time::from_millis(jiff::Timestamp::now().as_millisecond()),
            Self::Simulated(start) => {
                let elapsed = i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX);
                Time::from_millis((start.as_micros() / 1000).saturating_add(elapsed))
            }
        }
    }
}
