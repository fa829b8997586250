//! Cuts: what an as-of answer is true for, which is a time on a clock, positions, or both.

use orders::{Position, Positions, Time};

use super::ReadError;
use super::head::Head;

/// Which of a record's two times a cut compares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clock {
    /// When the broker appended it. No producer chooses it, and it never changes.
    #[default]
    Append,
    /// When it happened, as the event says.
    Event,
}

impl Clock {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Append => "append",
            Self::Event => "event",
        }
    }
}

/// Positions as an array that SQL indexes with `partition + 1`. Partitions beyond those of any real topic
/// are left out: a cut that names one is refused for being ahead.
pub(super) fn dense(positions: &Positions) -> Vec<i64> {
    const MAX_PARTITIONS: usize = 1 << 16;
    let mut dense = Vec::new();
    for (partition, position) in positions.iter() {
        let Ok(index) = usize::try_from(partition.0) else { continue };
        if index < MAX_PARTITIONS {
            dense.resize(index, 0);
            dense.push(position.0);
        }
    }
    dense
}

/// A cut as it was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    /// Records up to and including this time.
    pub time: Option<(Time, Clock)>,
    /// Records below these positions; `None`: all records that are applied.
    pub offsets: Option<Positions>,
    /// The decisions up to this one count; `None`: all decisions so far.
    pub decision: Option<i64>,
    /// The number of the projection that answered before; `None`: any.
    pub projection: Option<i64>,
}

/// A cut that leaves nothing open: asked for again, the answer has the same bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompleteCut {
    pub time: Option<(Time, Clock)>,
    /// It omits partitions at 0, where a missing partition stands anyway.
    pub offsets: Positions,
    pub decision: i64,
    /// [`crate::Projection::number`]
    pub projection: i64,
}

impl From<CompleteCut> for Cut {
    fn from(cut: CompleteCut) -> Self {
        Self {
            time: cut.time,
            offsets: Some(cut.offsets),
            decision: Some(cut.decision),
            projection: Some(cut.projection),
        }
    }
}

impl Cut {
    /// Fills in what was left open from the snapshot of the answer, and refuses what this did not hold yet.
    pub(super) fn complete(&self, head: &Head) -> Result<CompleteCut, ReadError> {
        head.check_version()?;
        let projection = head.projection.number();
        if let Some(asked) = self.projection.filter(|asked| *asked != projection) {
            return Err(ReadError::ProjectionGone { asked, active: projection });
        }
        let applied = head.offsets();
        if let Some(asked) = &self.offsets {
            for (partition, position) in asked.iter() {
                if position > applied.of(partition) {
                    return Err(ReadError::Ahead {
                        partition: partition.0,
                        asked: position.0,
                        applied: applied.of(partition).0,
                        offsets: applied,
                    });
                }
            }
        }
        // Zeros are left out, so that a partition that is added later does not change the text.
        let mut offsets = self.offsets.clone().unwrap_or(applied);
        offsets.retain(|_, position| position > Position::START);
        let decision = self.decision.unwrap_or(head.decision);
        if decision > head.decision {
            return Err(ReadError::DecisionAhead { asked: decision, latest: head.decision });
        }
        Ok(CompleteCut { time: self.time, offsets, decision, projection })
    }
}

#[cfg(test)]
mod tests {
    use orders::Partition;

    use super::*;

    fn positions(pairs: &[(i32, i64)]) -> Positions {
        pairs.iter().map(|&(partition, next)| (Partition(partition), Position(next))).collect()
    }

    #[test]
    fn positions_become_an_array() {
        assert_eq!(dense(&positions(&[(3, 7), (1, 9)])), [0, 9, 0, 7]);
        assert_eq!(dense(&positions(&[(i32::MAX, 7), (-1, 9)])), [0; 0]);
    }
}
