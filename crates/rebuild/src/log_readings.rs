//! The log as it is read once more, against what a build has read of it.

use std::collections::BTreeMap;

use event_log::Chunk;
use orders::{LogDigest, LogPrefix, Partition, Position, Record};

use crate::log_comparison::{LogDifference, ReadLog, first_difference};

#[derive(Debug, Default)]
pub(crate) struct LogReadings(BTreeMap<Partition, LogReading>);

/// How far a partition is read.
#[derive(Debug)]
struct LogReading {
    /// What the build has read, beginning with the position from which on the two are compared.
    expected: Vec<LogPrefix>,
    /// What the log held up to each of the positions in `expected` that was reached.
    read: Vec<LogPrefix>,
    digest: LogDigest,
    /// Records of the build below the last position that was reached.
    compared: u64,
    differs: bool,
}

impl LogReadings {
    /// `since`: what lies below is not compared; of a partition that is missing, all is.
    pub(crate) fn new(since: &BTreeMap<Partition, LogPrefix>, expected: ReadLog) -> Self {
        let reading = |(partition, expected)| {
            let since = since.get(&partition).copied().unwrap_or(LogPrefix::EMPTY);
            (partition, LogReading::new(since, expected))
        };
        Self(expected.into_iter().map(reading).collect())
    }

    pub(crate) fn add(&mut self, chunk: &Chunk) {
        for (_, record) in chunk.records() {
            if let Some(reading) = self.0.get_mut(&record.partition) {
                reading.add(&record);
            }
        }
        for (partition, end, _) in chunk.ends() {
            if let Some(reading) = self.0.get_mut(&partition) {
                reading.reach(end);
            }
        }
    }

    /// Whether nothing more can be learned.
    pub(crate) fn are_over(&self) -> bool {
        self.0.values().all(LogReading::is_over)
    }

    /// How many records of the build were compared, and how many there are.
    pub(crate) fn records(&self) -> (u64, u64) {
        let total = |reading: &LogReading| reading.expected.last().map_or(0, |last| last.digest.records);
        (self.0.values().map(|reading| reading.compared).sum(), self.0.values().map(total).sum())
    }

    /// The first range of each partition in which the log does not hold what the build has read.
    pub(crate) fn differences(&self) -> Vec<LogDifference> {
        let difference = |(partition, reading): (&Partition, &LogReading)| {
            first_difference(*partition, &reading.expected, &reading.read)
        };
        self.0.iter().filter_map(difference).collect()
    }
}

impl LogReading {
    fn new(since: LogPrefix, mut expected: Vec<LogPrefix>) -> Self {
        expected.retain(|one| one.position > since.position);
        expected.insert(0, since);
        let mut reading =
            Self { expected, read: Vec::new(), digest: since.digest, compared: 0, differs: false };
        reading.reach(since.position);
        reading
    }

    fn add(&mut self, record: &Record<'_>) {
        if self.expected[0].position.accepts(record.offset) {
            self.reach(Position(record.offset.0));
            self.digest.add(record);
        }
    }

    fn reach(&mut self, position: Position) {
        while let Some(next) = self.expected.get(self.read.len()).filter(|next| next.position <= position)
            && !self.differs
        {
            self.differs = next.digest != self.digest;
            self.compared = next.digest.records;
            self.read.push(LogPrefix { position: next.position, digest: self.digest });
        }
    }

    fn is_over(&self) -> bool {
        self.differs || self.read.len() == self.expected.len()
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

    fn prefix(offsets: std::ops::Range<i64>) -> LogPrefix {
        let mut digest = LogDigest::default();
        offsets.clone().for_each(|offset| digest.add(&record(offset)));
        LogPrefix { position: Position(offsets.end), digest }
    }

    /// The difference if the log holds these records of those that the build has read.
    fn difference(since: LogPrefix, held: impl Iterator<Item = i64>) -> Option<LogDifference> {
        let expected = vec![prefix(0..10), prefix(0..20), prefix(0..25)];
        let mut reading = LogReading::new(since, expected);
        held.for_each(|offset| reading.add(&record(offset)));
        reading.reach(Position(25));
        first_difference(Partition(0), &reading.expected, &reading.read)
    }

    #[test]
    fn a_record_that_is_gone_shows_from_the_position_on_that_is_compared() {
        let lost = |lost: i64| (0..25).filter(move |offset| *offset != lost);
        assert_eq!(difference(LogPrefix::EMPTY, 0..25), None);
        assert_eq!(difference(prefix(0..12), lost(11)), None);
        for (since, lost_at, range) in
            [(LogPrefix::EMPTY, 11, (10, 20)), (prefix(0..12), 12, (12, 20)), (prefix(0..20), 24, (20, 25))]
        {
            let found = difference(since, lost(lost_at)).unwrap();
            assert_eq!((found.from_offset, found.to_offset), range);
            assert_eq!(found.live_records, found.log_records + 1);
        }
    }
}
