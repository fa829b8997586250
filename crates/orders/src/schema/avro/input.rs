//! The bytes of an Avro value, from the first to the last.

use super::{Result, mismatch};

/// The most bytes of a number.
const MAX_NUMBER_BYTES: u32 = 10;

pub(super) struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// How many bytes are left.
    pub(super) fn left(&self) -> usize {
        self.0.len()
    }

    pub(super) fn take(&mut self, size: usize) -> Result<&'a [u8]> {
        let Some((taken, rest)) = self.0.split_at_checked(size) else {
            return mismatch(format!("it ends {} bytes too early", size - self.0.len()));
        };
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn array<const SIZE: usize>(&mut self) -> Result<[u8; SIZE]> {
        let Some((taken, rest)) = self.0.split_first_chunk() else {
            return mismatch(format!("it ends {} bytes too early", SIZE - self.0.len()));
        };
        self.0 = rest;
        Ok(*taken)
    }

    pub(super) fn boolean(&mut self) -> Result<bool> {
        match self.array()? {
            [0] => Ok(false),
            [1] => Ok(true),
            [other] => mismatch(format!("a boolean is {other}")),
        }
    }

    /// A whole number: seven bits in each byte, the lowest first, and positive and negative numbers in turns.
    pub(super) fn long(&mut self) -> Result<i64> {
        let mut bits = 0_u64;
        for at in 0..MAX_NUMBER_BYTES {
            let [byte] = self.array()?;
            bits |= u64::from(byte & 0x7f).wrapping_shl(7 * at);
            if byte & 0x80 == 0 {
                return Ok((bits >> 1).cast_signed() ^ -(bits & 1).cast_signed());
            }
        }
        mismatch("a number has more than 10 bytes")
    }

    pub(super) fn int(&mut self) -> Result<i32> {
        let number = self.long()?;
        i32::try_from(number).or_else(|_| mismatch(format!("an int is {number}")))
    }

    /// A number that is less than `end`; `none` says what is not there otherwise.
    pub(super) fn index(&mut self, end: usize, none: &str) -> Result<usize> {
        let number = self.long()?;
        match usize::try_from(number) {
            Ok(index) if index < end => Ok(index),
            _ => mismatch(format!("{none} {number}")),
        }
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8]> {
        let length = self.long()?;
        match usize::try_from(length) {
            Ok(length) => self.take(length),
            Err(_) => mismatch(format!("a length is {length}")),
        }
    }

    pub(super) fn text(&mut self) -> Result<&'a str> {
        std::str::from_utf8(self.bytes()?)
            .or_else(|error| mismatch(format!("a string is not valid UTF-8: {error}")))
    }
}
