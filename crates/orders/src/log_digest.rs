//! A digest of the records of a partition: whether two readers have read the same ones.

use twox_hash::XxHash3_64;

use crate::{Partition, Position, Positions, Record};

/// How many records were read, and the sum of their digests. It is cumulative: kept along with a
/// position, it stands for all records below that position that were read. A sum can be taken in
/// parts; that records are in the wrong places shows, because each digest covers its offset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogDigest {
    pub records: u64,
    /// Modulo 2⁶⁴.
    pub sum: u64,
}

/// The records of a partition below a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogPrefix {
    pub position: Position,
    pub digest: LogDigest,
}

impl LogDigest {
    pub fn add(&mut self, record: &Record<'_>) {
        *self += Self { records: 1, sum: record.digest() };
    }
}

impl std::ops::AddAssign for LogDigest {
    fn add_assign(&mut self, other: Self) {
        self.records = self.records.wrapping_add(other.records);
        self.sum = self.sum.wrapping_add(other.sum);
    }
}

impl std::ops::Add for LogDigest {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        self += other;
        self
    }
}

impl LogPrefix {
    pub const EMPTY: Self = Self { position: Position::START, digest: LogDigest { records: 0, sum: 0 } };
}

impl<'a> FromIterator<(&'a Partition, &'a LogPrefix)> for Positions {
    fn from_iter<I: IntoIterator<Item = (&'a Partition, &'a LogPrefix)>>(prefixes: I) -> Self {
        prefixes.into_iter().map(|(partition, prefix)| (*partition, prefix.position)).collect()
    }
}

/// Stands for the length of a key or value that is absent.
const ABSENT: u64 = u64::MAX;

impl Record<'_> {
    /// A hash of all that the log holds of this record: offset, time stamp, key, value and headers,
    /// with their lengths and whether they are absent. It is stored in databases, so it must never
    /// change: XXH3 over the numbers and over the XXH3 of each part, all little-endian.
    #[must_use]
    pub fn digest(&self) -> u64 {
        let length = |part: Option<&[u8]>| part.map_or(ABSENT, |part| part.len() as u64);
        let hash = |part: Option<&[u8]>| XxHash3_64::oneshot(part.unwrap_or_default());
        let headers = Some(self.headers.0);
        let parts = [
            self.offset.0.cast_unsigned(),
            self.appended_millis.cast_unsigned(),
            length(self.key),
            hash(self.key),
            length(self.value),
            hash(self.value),
            length(headers),
            hash(headers),
        ];
        let mut block = [0; 64];
        for (place, part) in block.chunks_exact_mut(8).zip(parts) {
            place.copy_from_slice(&part.to_le_bytes());
        }
        XxHash3_64::oneshot(&block)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Headers, push_header};
    use crate::{Offset, Partition};

    fn headers(all: &[(&str, Option<&[u8]>)]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (name, value) in all {
            push_header(&mut bytes, name.as_bytes(), *value);
        }
        bytes
    }

    fn record<'a>(key: Option<&'a [u8]>, value: Option<&'a [u8]>, headers: &'a [u8]) -> Record<'a> {
        Record {
            partition: Partition(3),
            offset: Offset(41),
            appended_millis: 1_764_000_000_000,
            key,
            value,
            headers: Headers(headers),
        }
    }

    /// Databases hold digests, so other values would make all of them differ from the log. These were computed with
    /// Python's xxhash.
    #[test]
    fn digests_are_the_stored_ones() {
        // The test vectors of XXH3 itself: https://github.com/Cyan4973/xxHash
        assert_eq!(XxHash3_64::oneshot(b""), 0x2d06_8005_38d3_94c2);
        let some = headers(&[("event-type", Some(b"OrderPaid")), ("empty", None)]);
        assert_eq!(record(None, None, &[]).digest(), 0x72f3_797c_43d7_483c);
        assert_eq!(
            record(Some(b"ORD-1"), Some(br#"{"event":"OrderPaid"}"#), &some).digest(),
            0x44f7_1f78_7bbb_8fe9
        );
        let long = [b'x'; 1000];
        assert_eq!(record(Some(&long[..300]), Some(&long), &[]).digest(), 0xcbb2_7950_ce61_4f6e);
    }

    #[test]
    fn every_part_counts_and_so_does_its_absence() {
        let one = headers(&[("a", Some(b"1"))]);
        let two = headers(&[("a", None)]);
        let base = record(Some(b"k"), Some(b"v"), &one);
        let others = [
            Record { offset: Offset(42), ..base },
            Record { appended_millis: 0, ..base },
            Record { key: Some(b"l"), ..base },
            Record { key: None, ..base },
            Record { key: Some(b""), ..base },
            Record { value: Some(b"w"), ..base },
            Record { value: None, ..base },
            Record { value: Some(b""), ..base },
            Record { key: Some(b"v"), value: Some(b"k"), ..base },
            Record { headers: Headers(&two), ..base },
            Record { headers: Headers(&[]), ..base },
        ];
        let mut digests: Vec<u64> = others.iter().map(Record::digest).collect();
        digests.push(base.digest());
        digests.sort_unstable();
        digests.dedup();
        assert_eq!(digests.len(), others.len() + 1);
    }

    #[test]
    fn a_sum_can_be_taken_in_parts() {
        let records = [Offset(41), Offset(7)].map(|offset| Record { offset, ..record(None, None, &[]) });
        let mut all = LogDigest::default();
        let parts = records.map(|record| {
            all.add(&record);
            let mut part = LogDigest::default();
            part.add(&record);
            part
        });
        assert_eq!(parts[1] + parts[0], all);
        assert_eq!(all.records, 2);
        assert_ne!(parts[0].sum, parts[1].sum);
    }
}
