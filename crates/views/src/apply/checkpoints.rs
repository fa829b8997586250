//! Table `log_checkpoints`: what the digest of the log was at regular offsets.

use std::collections::BTreeMap;

use orders::{LogPrefix, Partition};
use tokio_postgres::Client;

use super::batch::Batch;
use crate::Build;
use crate::error::{Error, Result};
use crate::ownership::Held;
use crate::positions::PrefixArrays;
use crate::sql::for_build;

/// Writes the checkpoints that the batch passes, in the transaction that the session has open. Most
/// batches pass none.
pub(super) async fn write(
    client: &Client,
    build: Build,
    batch: &Batch<'_>,
    held: &BTreeMap<Partition, Held>,
) -> Result<()> {
    let mut arrays = PrefixArrays::default();
    for (partition, advance) in &batch.advances {
        let below = held.get(partition).map(|held| held.digest).unwrap_or_default();
        for checkpoint in &advance.checkpoints {
            let digest = below + checkpoint.digest;
            arrays.push(*partition, LogPrefix { digest, ..*checkpoint });
        }
    }
    let PrefixArrays { partitions, offsets, records, digests } = arrays;
    if partitions.is_empty() {
        return Ok(());
    }
    // A position that an operator moved back passes its checkpoints again.
    client
        .execute(
            &for_build(
                "/* views::apply::checkpoints::write */
                 INSERT INTO {build}.log_checkpoints (partition, next_offset, records, digest)
                 SELECT * FROM unnest($1::int[], $2::bigint[], $3::bigint[], $4::bigint[])
                 ON CONFLICT (partition, next_offset) DO UPDATE SET records = excluded.records, digest = excluded.digest",
                build,
            ),
            &[&partitions, &offsets, &records, &digests],
        )
        .await
        .map_err(Error::during("writing checkpoints of the log"))?;
    Ok(())
}
