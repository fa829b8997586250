//! Records in the parts in which they are applied: all at once, unless they are large.

use orders::Record;

/// A record with a larger value counts as large, in bytes.
const LARGE: usize = 16 << 10;
/// How many bytes of large records are in one part, unless a single one has more. Decoding a record takes up to 14 times
/// its size, if it consists of many short fields.
const PART_BYTES: usize = 1 << 20;

/// The parts as a stack, with the first part on top; there is at least one.
pub(super) fn parts<'r, 'a>(records: &'r [Record<'a>]) -> Vec<&'r [Record<'a>]> {
    let mut parts = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (index, record) in records.iter().enumerate() {
        let value = record.value.map_or(0, <[u8]>::len);
        if value <= LARGE {
            continue;
        }
        if bytes + value > PART_BYTES && bytes > 0 {
            parts.push(&records[start..index]);
            (start, bytes) = (index, 0);
        }
        bytes += value;
    }
    parts.push(&records[start..]);
    parts.reverse();
    parts
}

#[cfg(test)]
mod tests {
    use orders::record::Headers;
    use orders::{Offset, Partition};

    use super::*;

    /// The number of records in each part, the first part first.
    fn sizes(values: &[usize]) -> Vec<usize> {
        let bytes = vec![b' '; PART_BYTES * 2];
        let record = |(offset, length): (usize, &usize)| Record {
            partition: Partition(0),
            offset: Offset(offset as i64),
            appended_millis: 0,
            key: None,
            value: Some(&bytes[..*length]),
            headers: Headers::default(),
        };
        let records: Vec<_> = values.iter().enumerate().map(record).collect();
        parts(&records).into_iter().rev().map(<[_]>::len).collect()
    }

    #[test]
    fn only_large_records_are_parted() {
        assert_eq!(sizes(&[]), [0]);
        assert_eq!(sizes(&[400; 5000]), [5000]);
        assert_eq!(sizes(&[10, PART_BYTES, 10, 10, PART_BYTES * 2, 10, LARGE + 1]), [4, 2, 1]);
        assert_eq!(sizes(&[PART_BYTES / 2; 5]), [2, 2, 1]);
    }
}
