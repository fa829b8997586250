//! Hashes of contents, and sums of them.

use std::hash::{Hash, Hasher};

use twox_hash::XxHash3_64;

/// Collects the bytes of a content and hashes them at once: the hasher of the standard library takes several times as
/// long for many small values.
#[derive(Debug, Default)]
pub(in crate::steps) struct ContentHasher(Vec<u8>);

impl ContentHasher {
    pub(in crate::steps) fn hash(&mut self, content: &impl Hash) -> u64 {
        self.0.clear();
        content.hash(self);
        self.finish()
    }
}

impl Hasher for ContentHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn finish(&self) -> u64 {
        XxHash3_64::oneshot(&self.0)
    }
}

/// How many contents there are, and the sum of their hashes: it does not depend on the order in which they are added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::steps) struct ContentSum {
    count: u64,
    sum: u64,
}

impl ContentSum {
    pub(in crate::steps) fn add(&mut self, hash: u64) {
        self.merge(Self { count: 1, sum: hash });
    }

    pub(in crate::steps) fn merge(&mut self, other: Self) {
        self.count += other.count;
        self.sum = self.sum.wrapping_add(other.sum);
    }
}
