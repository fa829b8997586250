//! How far the log reaches, or a view has come.

use std::collections::BTreeMap;

/// The next offset of each partition.
pub type Offsets = BTreeMap<i32, i64>;
