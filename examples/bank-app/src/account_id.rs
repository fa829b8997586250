//! The name of an account, which is also the key of its records.

use std::fmt;

use garde::Validate;
use serde::{Deserialize, Serialize};

use crate::text::is_identifier;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Validate)]
#[serde(transparent)]
#[garde(transparent)]
pub struct AccountId(#[garde(custom(is_identifier))] String);

impl AccountId {
    /// Unchecked: validate what it becomes part of.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
