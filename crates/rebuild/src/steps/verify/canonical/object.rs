//! Combines the hashes of names and values.

use std::hash::{DefaultHasher, Hasher};

/// The hashes of an object's members: name and value.
#[derive(Default)]
pub(super) struct Object(Vec<(u64, u64)>);

impl Object {
    /// A later member of the same name replaces the earlier one.
    pub(super) fn set(&mut self, name: u64, value: u64) {
        match self.0.iter_mut().find(|(other, _)| *other == name) {
            Some(member) => member.1 = value,
            None => self.0.push((name, value)),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A sum does not depend on the order of the members.
    pub(super) fn hash(&self) -> u64 {
        let sum = self.0.iter().fold(0_u64, |sum, (name, value)| sum.wrapping_add(mix(*name, *value)));
        mix(0x6f62_6a65_6374, sum)
    }
}

/// Depends on the order of its arguments.
pub(super) fn mix(one: u64, other: u64) -> u64 {
    let mixed = (one ^ other.rotate_left(29)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 32)).wrapping_add(other).wrapping_mul(0xd6e8_feb8_6659_fd93)
}

pub(super) fn hash_text(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(text.as_bytes());
    hasher.finish()
}
