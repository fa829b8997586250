//! When the group's offsets are committed to Kafka. They are a hint for tools that show the lag; only
//! the positions in the database count.

use std::time::{Duration, Instant};

use orders::Positions;

/// Offsets that have not moved are committed again after this long, since the previous commit may have
/// been lost. They are not committed at every tick, because commits wait for a group coordinator that
/// is away and hold up rejoining the group (docs/decisions/0012-a-client-without-brokers.md).
const REPEAT_INTERVAL: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub struct GroupOffsets {
    committed: Positions,
    committed_at: Instant,
}

impl GroupOffsets {
    pub fn new(now: Instant) -> Self {
        Self { committed: Positions::new(), committed_at: now }
    }

    /// The offsets to commit now, if any are due.
    pub fn due(&mut self, now: Instant, positions: &Positions) -> Option<Positions> {
        let is_repeat_due = now.saturating_duration_since(self.committed_at) >= REPEAT_INTERVAL;
        if *positions == self.committed && !is_repeat_due {
            return None;
        }
        (self.committed, self.committed_at) = (positions.clone(), now);
        Some(positions.clone())
    }
}

#[cfg(test)]
mod tests {
    use orders::{Partition, Position};

    use super::*;

    #[test]
    fn offsets_are_committed_when_they_move_and_again_after_a_while() {
        let began = Instant::now();
        let after = |seconds| began + Duration::from_secs(seconds);
        let at = |position| Positions::from_iter([(Partition(0), Position(position))]);
        let mut offsets = GroupOffsets::new(began);
        assert_eq!(offsets.due(after(1), &Positions::new()), None);
        assert_eq!(offsets.due(after(2), &at(5)), Some(at(5)));
        assert_eq!(offsets.due(after(3), &at(5)), None);
        assert_eq!(offsets.due(after(4), &at(6)), Some(at(6)));
        assert_eq!(offsets.due(after(33), &at(6)), None);
        assert_eq!(offsets.due(after(34), &at(6)), Some(at(6)));
    }
}
