//! The number of a build.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One generation of a view's tables, by its number: the N of schema `build_N`. Prints as the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Build(pub i64);

impl Build {
    /// The schema that its tables are in.
    #[must_use]
    pub fn schema(self) -> String {
        format!("build_{self}")
    }
}

impl fmt::Display for Build {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
