//! Records in the parts in which they are applied: all at once, unless they are large.

use orders::Record;

/// A record counts as large if its key, value and headers have more bytes.
const LARGE: usize = 16 << 10;
/// How many bytes of large records are in one part, unless a single one has more. Decoding a record takes up to 14 times
/// its size, if it consists of many short fields.
const PART_BYTES: usize = 1 << 20;

/// The parts as a stack, with the first part on top; there is at least one.
pub(super) fn parts<'r, 'a>(records: &'r [Record<'a>]) -> Vec<&'r [Record<'a>]> {
    let mut parts = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (index, record) in records.iter().enumerate() {
        let size = size(record);
        if size <= LARGE {
            continue;
        }
        if bytes + size > PART_BYTES && bytes > 0 {
            parts.push(&records[start..index]);
            (start, bytes) = (index, 0);
        }
        bytes += size;
    }
    parts.push(&records[start..]);
    parts.reverse();
    parts
}

/// A dead letter keeps the key and the headers as well.
fn size(record: &Record<'_>) -> usize {
    let length = |part: Option<&[u8]>| part.map_or(0, <[u8]>::len);
    length(record.key) + length(record.value) + record.headers.0.len()
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
    fn keys_and_headers_count() {
        let half = vec![b' '; PART_BYTES / 2];
        let record = Record {
            partition: Partition(0),
            offset: Offset(0),
            appended_millis: 0,
            key: Some(&half),
            value: None,
            headers: Headers(&half),
        };
        assert_eq!(parts(&[record, record, record]).len(), 3);
    }

    #[test]
    fn only_large_records_are_parted() {
        assert_eq!(sizes(&[]), [0]);
        assert_eq!(sizes(&[400; 5000]), [5000]);
        assert_eq!(sizes(&[10, PART_BYTES, 10, 10, PART_BYTES * 2, 10, LARGE + 1]), [4, 2, 1]);
        assert_eq!(sizes(&[PART_BYTES / 2; 5]), [2, 2, 1]);
    }
}
