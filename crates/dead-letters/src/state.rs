//! The state of a dead letter.

use std::fmt;
use std::str::FromStr;

/// The state of a dead letter, in the spelling of its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(rename_all = "lowercase"))]
pub enum DeadLetterState {
    /// The record waits for a decision.
    Open,
    /// A retry applied the record.
    Retried,
    /// The record stays out of the tables.
    Discarded,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a state of a dead letter; the states are open, retried and discarded")]
pub struct UnknownState(pub String);

impl DeadLetterState {
    pub const ALL: [Self; 3] = [Self::Open, Self::Retried, Self::Discarded];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Retried => "retried",
            Self::Discarded => "discarded",
        }
    }
}

impl fmt::Display for DeadLetterState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for DeadLetterState {
    type Err = UnknownState;

    fn from_str(text: &str) -> Result<Self, UnknownState> {
        let known = Self::ALL.into_iter().find(|state| state.as_str() == text);
        known.ok_or_else(|| UnknownState(text.to_owned()))
    }
}
