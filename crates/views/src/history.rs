//! Rows of the history, read back as the facts that they record.

use orders::{EventType, Fact, Fields, LogOrder, Offset, Partition};
use tokio_postgres::Row;

use crate::error::{Error, Result};
use crate::sql::Timestamptz;

/// The columns that [`fact`] reads, in its order; `order_id` comes first.
pub const FACT_COLUMNS: &str =
    "order_id, partition, \"offset\", event, sequence, occurred_at, appended_at, details::text";

/// Reads a row of [`FACT_COLUMNS`].
pub fn fact(row: &Row) -> Result<(&str, Fact<'_>)> {
    let event: EventType = row.get::<_, &str>(3).parse().map_err(|error| {
        Error::Unusable(format!("the history holds an event of another version: {error}"))
    })?;
    let fields = match row.get::<_, Option<&str>>(7) {
        None => Fields::default(),
        Some(json) => Fields::from_object(json).map_err(|error| {
            Error::Unusable(format!("the history holds details that are no object: {error}"))
        })?,
    };
    let fact = Fact {
        event,
        sequence: row.get(4),
        at: LogOrder {
            partition: Partition(row.get(1)),
            offset: Offset(row.get(2)),
            appended_at: row.get::<_, Timestamptz>(6).0,
        },
        occurred_at: row.get::<_, Timestamptz>(5).0,
        fields,
    };
    Ok((row.get(0), fact))
}
