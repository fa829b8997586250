//! Up to where a build was verified, as the rebuild's row keeps it.

use orders::{Partition, Position, Positions};
use serde_json::Value;
use views::rebuild::RebuildRow;

use crate::error::{Error, Result};
use crate::json::{from_json, to_json};

/// A list of [partition, next offset].
pub(crate) fn to_row(positions: &Positions) -> Value {
    let pairs: Vec<(i32, i64)> =
        positions.iter().map(|(partition, position)| (partition.0, position.0)).collect();
    to_json(&pairs)
}

pub(crate) fn of_row(row: &RebuildRow) -> Result<Positions> {
    let missing =
        Error::IncompleteRow { rebuild: row.id, state: row.state, missing: "positions that were verified" };
    let pairs: Vec<(i32, i64)> = from_json(row.verified.clone()).ok_or(missing)?;
    Ok(pairs.into_iter().map(|(partition, offset)| (Partition(partition), Position(offset))).collect())
}
