//! The name that a client gives to a request, so that a repetition is known as one.

use std::fmt;

use garde::Validate;
use serde::{Deserialize, Serialize};

use crate::text::is_identifier;

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, Validate)]
#[serde(transparent)]
#[garde(transparent)]
pub struct RequestId(#[garde(custom(is_identifier))] String);

impl RequestId {
    /// Unchecked: validate what it becomes part of.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
