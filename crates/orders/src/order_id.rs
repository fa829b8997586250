//! The identifier of an order.

use std::borrow::Borrow;
use std::fmt;

/// A text of 1 to 128 characters without NUL.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderId(Box<str>);

/// Why a text is not an order id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadOrderId {
    #[error("order_id is empty; it must have 1 to 128 characters")]
    Empty,
    #[error("order_id has {0} characters; it must have 1 to 128")]
    TooLong(usize),
    #[error("order_id contains a NUL character")]
    Nul,
}

impl OrderId {
    pub const MAX_CHARS: usize = 128;

    pub fn check(text: &str) -> Result<(), BadOrderId> {
        if text.is_empty() {
            return Err(BadOrderId::Empty);
        }
        // Bytes are compared first, so that the characters of a short text need not be counted.
        if text.len() > Self::MAX_CHARS {
            let chars = text.chars().count();
            if chars > Self::MAX_CHARS {
                return Err(BadOrderId::TooLong(chars));
            }
        }
        if text.as_bytes().contains(&0) {
            return Err(BadOrderId::Nul);
        }
        Ok(())
    }

    pub fn parse(text: &str) -> Result<Self, BadOrderId> {
        Self::check(text)?;
        Ok(Self(text.into()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for OrderId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
