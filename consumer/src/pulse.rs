//! The loops whose hang makes the process not live, so that whoever supervises it restarts it.
//!
//! A loop hangs if it makes no step for longer than its steps can take. Waiting for a server is no
//! hang, however long it lasts, since a restart would not end it: a loop that waits for a database
//! or a broker goes on beating, and the check of readiness says what it waits for.

use std::time::Duration;

use event_log::Heartbeat;
use service::Health;

/// The polling thread: its longest step is a revocation, which waits for 5 s.
const POLLING: (&str, Duration) = ("polling", Duration::from_secs(30));
/// The watch of the end offsets: a question consists of requests that may take 5 s each.
const END_OFFSETS: (&str, Duration) = ("end offsets", Duration::from_secs(60));
/// The coordinator: its steps wait for nothing.
const COORDINATOR: (&str, Duration) = ("coordinator", Duration::from_secs(30));
/// A lane: beats while it waits for the database, so what hangs is this program.
const LANE_LIMIT: Duration = Duration::from_secs(30);
/// By lane; `LANES` is at most their number.
const LANES: [&str; 16] = [
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
        Self::new(health, (LANES[lane % LANES.len()], LANE_LIMIT))
    }

    fn new(health: &Health, (name, limit): (&'static str, Duration)) -> Self {
        Self { health: health.clone(), name, limit }
    }

    /// The loop has come round. Due again within its limit.
    pub fn beat(&self) {
        self.health.beat(self.name, self.limit);
    }

    /// The loop has ended, or is about to.
    pub fn rest(&self) {
        self.health.rest(self.name);
    }

    /// Beats for as long as `work` is waited for.
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

/// For the threads of `event_log`.
impl From<Pulse> for Heartbeat {
    fn from(pulse: Pulse) -> Self {
        Self::new(move || pulse.beat())
    }
}

#[cfg(test)]
mod tests;
