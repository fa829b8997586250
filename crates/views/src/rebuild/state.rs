//! The states of a rebuild.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The text is not the name of a state: another version has written it.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not a state of a rebuild")]
pub struct UnknownState(pub String);

/// The state of a rebuild; see docs/architecture.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = RebuildState))]
pub enum State {
    Planned,
    Loading,
    Deriving,
    CatchingUp,
    Verifying,
    Ready,
    Switching,
    Active,
    Cancelled,
    Failed,
    Superseded,
    RolledBack,
}

impl State {
    pub const ALL: [Self; 12] = [
        Self::Planned,
        Self::Loading,
        Self::Deriving,
        Self::CatchingUp,
        Self::Verifying,
        Self::Ready,
        Self::Switching,
        Self::Active,
        Self::Cancelled,
        Self::Failed,
        Self::Superseded,
        Self::RolledBack,
    ];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Loading => "loading",
            Self::Deriving => "deriving",
            Self::CatchingUp => "catching_up",
            Self::Verifying => "verifying",
            Self::Ready => "ready",
            Self::Switching => "switching",
            Self::Active => "active",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
            Self::Superseded => "superseded",
            Self::RolledBack => "rolled_back",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for State {
    type Err = UnknownState;

    fn from_str(text: &str) -> Result<Self, UnknownState> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| UnknownState(text.to_owned()))
    }
}
