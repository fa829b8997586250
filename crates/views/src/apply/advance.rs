//! How a transaction moves the position of a partition, and what it read on the way.

use std::collections::BTreeMap;

use orders::{LogDigest, LogPrefix, Partition, Position, Positions, Record, Time};

/// Whenever a position passes a multiple of this, the digest of the records below is kept in table
/// `log_checkpoints`: where two builds have read different records, the checkpoints tell in which range.
const CHECKPOINT_EVERY: i64 = 65_536;

/// How a transaction moves a partition's position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advance {
    pub from: Position,
    pub to: Position,
    /// The fingerprint of the last record; `None` if only a hole is passed.
    pub fingerprint: Option<String>,
    pub last_appended_at: Option<Time>,
    /// The digest of the records from `from` on.
    pub digest: LogDigest,
    /// The boundaries that are passed, each with the digest of the records from `from` up to it.
    pub checkpoints: Vec<LogPrefix>,
}

impl Advance {
    pub(super) fn begin(from: Position) -> Self {
        Self {
            from,
            to: from,
            fingerprint: None,
            last_appended_at: None,
            digest: LogDigest::default(),
            checkpoints: Vec::new(),
        }
    }

    /// Reads a record at or beyond `to`.
    pub(super) fn read(&mut self, record: &Record<'_>) {
        self.move_to(Position(record.offset.0));
        self.digest.add(record);
        self.move_to(record.next());
    }

    /// Moves over a hole. However long it is, it has two checkpoints at most: nothing was read between them.
    pub(super) fn move_to(&mut self, to: Position) {
        if to <= self.to {
            return;
        }
        let number = |position: Position| position.0.div_euclid(CHECKPOINT_EVERY);
        let (first, last) = (number(self.to) + 1, number(to));
        for passed in [first, last].into_iter().take((last - first + 1).clamp(0, 2) as usize) {
            let position = Position(passed * CHECKPOINT_EVERY);
            self.checkpoints.push(LogPrefix { position, digest: self.digest });
        }
        self.to = to;
    }
}

/// The advances of a batch that is being encoded.
pub(super) struct Advances<'p, 'a> {
    positions: &'p Positions,
    /// Each with the last record.
    by_partition: BTreeMap<Partition, (Advance, Record<'a>)>,
}

impl<'p, 'a> Advances<'p, 'a> {
    pub(super) fn new(positions: &'p Positions) -> Self {
        Self { positions, by_partition: BTreeMap::new() }
    }

    /// Returns false, and leaves the record out, if it lies below its partition's position, or if there
    /// is no position of its partition.
    pub(super) fn accept(&mut self, record: Record<'a>) -> bool {
        if let Some((advance, last)) = self.by_partition.get_mut(&record.partition) {
            if !advance.to.accepts(record.offset) {
                return false;
            }
            advance.read(&record);
            *last = record;
            return true;
        }
        match self.positions.get(record.partition) {
            Some(from) if from.accepts(record.offset) => {
                let mut advance = Advance::begin(from);
                advance.read(&record);
                self.by_partition.insert(record.partition, (advance, record));
                true
            }
            _ => false,
        }
    }

    pub(super) fn finish(self) -> BTreeMap<Partition, Advance> {
        let end = |(partition, (advance, last)): (Partition, (Advance, Record<'a>))| {
            let fingerprint = Some(last.fingerprint());
            (partition, Advance { fingerprint, last_appended_at: Some(last.at().appended_at), ..advance })
        };
        self.by_partition.into_iter().map(end).collect()
    }
}

#[cfg(test)]
mod tests {
    use orders::Offset;
    use orders::record::Headers;

    use super::*;

    fn record(offset: i64) -> Record<'static> {
        Record {
            partition: Partition(0),
            offset: Offset(offset),
            appended_millis: 1,
            key: None,
            value: None,
            headers: Headers::default(),
        }
    }

    fn digest(offsets: &[i64]) -> LogDigest {
        let mut digest = LogDigest::default();
        for offset in offsets {
            digest.add(&record(*offset));
        }
        digest
    }

    /// The boundaries that are passed, and the records below each.
    fn checkpoints(from: i64, offsets: &[i64], end: i64) -> Vec<(i64, LogDigest)> {
        let mut advance = Advance::begin(Position(from));
        for offset in offsets {
            advance.read(&record(*offset));
        }
        advance.move_to(Position(end));
        assert_eq!(advance.digest, digest(offsets));
        advance.checkpoints.iter().map(|one| (one.position.0, one.digest)).collect()
    }

    #[test]
    fn a_boundary_has_the_records_below_it() {
        let of = |offsets: &[i64]| digest(offsets);
        assert_eq!(checkpoints(0, &[0, 1], 9), []);
        // The last record below the boundary passes it, and the one after it does not count.
        assert_eq!(checkpoints(65_530, &[65_535], 65_536), [(65_536, of(&[65_535]))]);
        assert_eq!(checkpoints(65_530, &[65_535, 65_536], 65_537), [(65_536, of(&[65_535]))]);
        // It lies in a hole.
        assert_eq!(checkpoints(65_530, &[65_531, 65_540], 65_541), [(65_536, of(&[65_531]))]);
        let hole = |end| checkpoints(65_530, &[65_531], end);
        assert_eq!(hole(131_072), [(65_536, of(&[65_531])), (131_072, of(&[65_531]))]);
        // Those within a long hole would say the same.
        let last = (1 << 40, of(&[65_531]));
        assert_eq!(hole((1 << 40) + 1), [(65_536, of(&[65_531])), last]);
        // It was passed before.
        assert_eq!(checkpoints(65_536, &[65_536], 65_537), []);
    }
}
