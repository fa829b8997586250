//! Resuming held partitions on a new session.

use std::collections::BTreeMap;

use orders::Partition;
use scoped_futures::ScopedFutureExt;

use super::{HELD_COLUMNS, Held, THIS_BACKEND};
use crate::error::{Error, Result};
use crate::session::Session;
use crate::sql::for_build;
use crate::{Build, ORDERS};

/// Reads the positions of held partitions again, since after a reconnect it is unknown whether the last
/// batch was committed. [`Error::Fenced`] if another owner has taken one of them over; then nothing is changed.
pub(crate) async fn resume(
    session: &mut Session,
    build: Build,
    held: &BTreeMap<Partition, Held>,
) -> Result<BTreeMap<Partition, Held>> {
    let partitions: Vec<i32> = held.keys().map(|partition| partition.0).collect();
    let epochs: Vec<i64> = held.values().map(|held| held.epoch.0).collect();
    let statement = for_build(
        &format!(
            "/* views::ownership::resume::resume */ UPDATE {{build}}.positions AS p
         SET owner_backend = {THIS_BACKEND}
         FROM unnest($2::int[], $3::bigint[]) AS mine (partition, owner_epoch)
         WHERE p.view = $1 AND p.partition = mine.partition AND p.owner_epoch = mine.owner_epoch
         RETURNING {HELD_COLUMNS}"
        ),
        build,
    );
    let (statement, partitions, epochs) = (&statement, &partitions, &epochs);
    session
        .run_tx("resuming partitions", |tx| {
            async move {
                let rows = tx
                    .query(statement, &[&ORDERS, partitions, epochs])
                    .await
                    .map_err(Error::during("resuming partitions"))?;
                if rows.len() != partitions.len() {
                    return Err(Error::Fenced {
                        attempt: "resuming partitions",
                        reason: "another owner has taken one over".into(),
                    });
                }
                Ok(rows.iter().map(super::held).collect())
            }
            .scope_boxed()
        })
        .await
}
