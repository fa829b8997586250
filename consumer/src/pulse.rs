//! The loops that must keep running: if one of them hangs, the process reports that it is not live, so
//! that its supervisor restarts it.
//!
//! A loop hangs if it makes no step for longer than a step can take. Waiting for a server does not
//! count as a hang, however long it lasts, since a restart would not end the wait: a loop that waits
//! for a database or a broker goes on beating, and the readiness check says what it is waiting for.

use std::time::Duration;

use event_log::Heartbeat;
use service::Health;

/// The polling thread: its longest step is a revocation, which waits for 5 s.
const POLLING: (&str, Duration) = ("polling", Duration::from_secs(30));
/// The watch of the end offsets: each of its queries consists of requests that may take 5 s each.
const END_OFFSETS: (&str, Duration) = ("end offsets", Duration::from_secs(60));
/// The coordinator: none of its steps waits long. The longest, explaining a failure, takes 3 s.
const COORDINATOR: (&str, Duration) = ("coordinator", Duration::from_secs(30));
/// A lane: it beats while it waits for the database, so a missing beat means that this program hangs.
const LANE_LIMIT: Duration = Duration::from_secs(30);
/// One name for each lane that the setting `LANES` allows.
const LANE_NAMES: [&str; 16] = [
    "lane 0", "lane 1", "lane 2", "lane 3", "lane 4", "lane 5", "lane 6", "lane 7", "lane 8", "lane 9",
    "lane 10", "lane 11", "lane 12", "lane 13", "lane 14", "lane 15",
];

/// One loop's signs of life.
#[derive(Clone, Debug)]
pub struct Pulse {
    health: Health,
    name: &'static str,
    limit: Duration,
}

impl Pulse {
    pub fn polling(health: &Health) -> Self {
        Self::new(health, POLLING)
    }

    pub fn end_offsets(health: &Health) -> Self {
        Self::new(health, END_OFFSETS)
    }

    pub fn coordinator(health: &Health) -> Self {
        Self::new(health, COORDINATOR)
    }

    pub fn lane(health: &Health, lane: usize) -> Self {
        Self::new(health, (LANE_NAMES[lane % LANE_NAMES.len()], LANE_LIMIT))
    }

    fn new(health: &Health, (name, limit): (&'static str, Duration)) -> Self {
        Self { health: health.clone(), name, limit }
    }

    /// The loop has completed a round. The next beat is due within the loop's limit.
    pub fn beat(&self) {
        self.health.beat(self.name, self.limit);
    }

    /// The loop has ended or is about to end, so no further beat is due.
    pub fn rest(&self) {
        self.health.rest(self.name);
    }

    /// Waits for `work` and goes on beating until it is done.
    pub async fn during<T>(&self, work: impl Future<Output = T>) -> T {
        tokio::pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = tokio::time::sleep(self.limit / 10) => self.beat(),
            }
        }
    }
}

/// Lets the threads of `event_log` beat.
impl From<Pulse> for Heartbeat {
    fn from(pulse: Pulse) -> Self {
        Self::new(move || pulse.beat())
    }
}

#[cfg(test)]
mod tests;
