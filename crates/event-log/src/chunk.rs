//! Records in one block of memory, so that no record needs an allocation of its own.

mod size;

use std::collections::BTreeMap;

use orders::record::Headers;
use orders::{Offset, Partition, Position, Record};

use crate::generation::Generation;
use crate::incoming::Message;
pub use size::ChunkLimits;
pub(crate) use size::Size;

/// After a huge record, a chunk that is used again keeps no more than this many times its byte limit.
/// Memory that doubles while it grows exceeds twice the limit only for records that are large themselves.
const KEPT_LIMITS: usize = 2;

/// Records, those of each partition in the order in which they were read, and the partition ends that were
/// reached after them.
#[derive(Debug, Default)]
pub struct Chunk {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    /// The ends that were reached: no record below such a position will follow.
    ends: BTreeMap<Partition, (Position, Generation)>,
}

#[derive(Clone, Copy, Debug)]
struct Slice {
    start: u32,
    len: u32,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    partition: Partition,
    offset: Offset,
    appended_millis: i64,
    generation: Generation,
    key: Option<Slice>,
    value: Option<Slice>,
    headers: Slice,
}

impl Slice {
    fn of(self, bytes: &[u8]) -> &[u8] {
        &bytes[self.start as usize..][..self.len as usize]
    }
}

impl Chunk {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.ends.is_empty()
    }

    /// Number of records.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    #[must_use]
    pub fn is_full(&self, limits: ChunkLimits) -> bool {
        self.size().reaches(limits)
    }

    pub(crate) fn size(&self) -> Size {
        Size { records: self.entries.len(), bytes: self.bytes.len() }
    }

    /// Drops the content but keeps the memory, unless it is far more than the limits need.
    pub fn clear(&mut self, limits: ChunkLimits) {
        self.bytes.clear();
        let most = limits.bytes.saturating_mul(KEPT_LIMITS);
        if self.bytes.capacity() > most {
            self.bytes.shrink_to(most);
        }
        self.entries.clear();
        self.ends.clear();
    }

    /// The records, each with the generation that it was read under.
    pub fn records(&self) -> impl Iterator<Item = (Generation, Record<'_>)> + Clone {
        self.entries.iter().map(|entry| {
            let record = Record {
                partition: entry.partition,
                offset: entry.offset,
                appended_millis: entry.appended_millis,
                key: entry.key.map(|key| key.of(&self.bytes)),
                value: entry.value.map(|value| value.of(&self.bytes)),
                headers: Headers(entry.headers.of(&self.bytes)),
            };
            (entry.generation, record)
        })
    }

    /// The ends that were reached, each with the generation that its partition was read under.
    pub fn ends(&self) -> impl Iterator<Item = (Partition, Position, Generation)> {
        self.ends.iter().map(|(partition, (end, generation))| (*partition, *end, *generation))
    }

    pub(crate) fn end(&mut self, partition: Partition, end: Position, generation: Generation) {
        self.ends.insert(partition, (end, generation));
    }

    pub(crate) fn push(&mut self, message: &Message<'_>, generation: Generation) {
        self.push_record(&message.without_headers(), generation, |bytes| message.push_headers(bytes));
    }

    /// `push_headers` appends the headers in the form that [`Headers`] reads; those of `record` are not used.
    pub(crate) fn push_record(
        &mut self,
        record: &Record<'_>,
        generation: Generation,
        push_headers: impl FnOnce(&mut Vec<u8>),
    ) {
        let key = record.key.map(|key| self.copy(key));
        let value = record.value.map(|value| self.copy(value));
        let start = self.bytes.len();
        push_headers(&mut self.bytes);
        let headers = Slice { start: start as u32, len: (self.bytes.len() - start) as u32 };
        self.entries.push(Entry {
            partition: record.partition,
            offset: record.offset,
            appended_millis: record.appended_millis,
            generation,
            key,
            value,
            headers,
        });
    }

    /// Appends what another chunk holds. Both together must be within the limits, so that all positions fit.
    pub(crate) fn append(&mut self, other: &mut Self) {
        let start = self.bytes.len() as u32;
        let moved = |slice: Slice| Slice { start: start + slice.start, ..slice };
        self.bytes.append(&mut other.bytes);
        self.entries.extend(other.entries.drain(..).map(|entry| Entry {
            key: entry.key.map(moved),
            value: entry.value.map(moved),
            headers: moved(entry.headers),
            ..entry
        }));
        self.ends.append(&mut other.ends);
    }

    fn copy(&mut self, bytes: &[u8]) -> Slice {
        // The positions fit because a full chunk is not filled further.
        let slice = Slice { start: self.bytes.len() as u32, len: bytes.len() as u32 };
        self.bytes.extend_from_slice(bytes);
        slice
    }
}
