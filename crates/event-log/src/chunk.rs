//! Records in one block of memory, so that no record needs an allocation of its own.

use std::collections::BTreeMap;

use orders::record::Headers;
use orders::{Offset, Partition, Position, Record};

use crate::generation::Generation;
use crate::incoming::Message;

/// How much a chunk may hold before the next one is started. A record is never split, so a chunk may
/// exceed `bytes` by one record.
#[derive(Clone, Copy, Debug)]
pub struct ChunkLimits {
    pub records: usize,
    pub bytes: usize,
}

impl ChunkLimits {
    /// For readers that process one record at a time: larger chunks would only use memory.
    pub const SMALL: Self = Self { records: 2000, bytes: 1 << 20 };
}

impl Default for ChunkLimits {
    fn default() -> Self {
        Self { records: 20_000, bytes: 8 << 20 }
    }
}

/// No chunk is filled beyond this, so that positions in its memory fit into 32 bits even after one more
/// record, which has less than 2 GiB.
const MAX_BYTES: usize = 1 << 30;
/// After a huge record, a chunk that is used again keeps no more than this many times its byte limit.
const KEPT_LIMITS: usize = 4;

/// Records in the order in which they were read, and the partition ends that were reached after them.
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
        self.entries.len() >= limits.records || self.bytes.len() >= limits.bytes.min(MAX_BYTES)
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
    pub fn records(&self) -> impl Iterator<Item = (Generation, Record<'_>)> {
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
        let key = message.key().map(|key| self.append(key));
        let value = message.value().map(|value| self.append(value));
        let start = self.bytes.len();
        message.push_headers(&mut self.bytes);
        let headers = Slice { start: start as u32, len: (self.bytes.len() - start) as u32 };
        self.entries.push(Entry {
            partition: message.partition(),
            offset: message.offset(),
            appended_millis: message.millis(),
            generation,
            key,
            value,
            headers,
        });
    }

    fn append(&mut self, bytes: &[u8]) -> Slice {
        // They fit because of MAX_BYTES.
        let slice = Slice { start: self.bytes.len() as u32, len: bytes.len() as u32 };
        self.bytes.extend_from_slice(bytes);
        slice
    }
}
