//! The clock that events take `occurred_at` from.

use std::time::Duration;

use orders::Time;

#[derive(Clone, Copy, Debug)]
pub enum Clock {
    Wall,
    /// Starts at this time and follows the simulation, so that a run can be repeated byte for byte.
    Simulated(Time),
}

impl Clock {
    /// The time to the millisecond. `elapsed` is the time that has passed in the simulation.
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
