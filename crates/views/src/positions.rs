//! How far each partition of a build is applied, and a digest of the records up to there.

use std::collections::BTreeMap;

use orders::{LogDigest, LogPrefix, Partition, Position, Positions};
use tokio_postgres::{Client, Row};

use crate::error::{Error, Result};
use crate::session::Session;
use crate::sql::for_build;
use crate::{Build, ORDERS};

impl Build {
    /// How far each partition is applied.
    pub async fn positions(self, session: &Session) -> Result<Positions> {
        read(&session.client, self).await
    }

    /// How far each partition is applied, and which records that were; in one snapshot.
    pub async fn log_prefixes(self, session: &Session) -> Result<BTreeMap<Partition, LogPrefix>> {
        read_prefixes(&session.client, self).await
    }

    /// The digests that were kept along the way: those of the records below each multiple of 65 536 that
    /// a position has passed, by partition and in ascending order.
    pub async fn log_checkpoints(self, session: &Session) -> Result<BTreeMap<Partition, Vec<LogPrefix>>> {
        let rows = session
            .client
            .query(
                &for_build(
                    "/* views::positions::log_checkpoints */ SELECT partition, next_offset, records, digest
                     FROM {build}.log_checkpoints ORDER BY partition, next_offset",
                    self,
                ),
                &[],
            )
            .await
            .map_err(Error::during("reading the checkpoints of the log"))?;
        let mut checkpoints: BTreeMap<Partition, Vec<LogPrefix>> = BTreeMap::new();
        for (partition, prefix) in rows.iter().map(prefix) {
            checkpoints.entry(partition).or_default().push(prefix);
        }
        Ok(checkpoints)
    }

    /// The fingerprint of each partition's last applied record, where there is one.
    pub async fn fingerprints(self, session: &Session) -> Result<BTreeMap<Partition, String>> {
        let rows = session
            .client
            .query(
                &for_build(
                    "/* views::positions::fingerprints */ SELECT partition, fingerprint FROM {build}.positions
                     WHERE view = $1 AND fingerprint IS NOT NULL",
                    self,
                ),
                &[&ORDERS],
            )
            .await
            .map_err(Error::during("reading the fingerprints"))?;
        Ok(rows.iter().map(|row| (Partition(row.get(0)), row.get(1))).collect())
    }
}

pub(crate) async fn read(client: &Client, build: Build) -> Result<Positions> {
    let rows = client
        .query(
            &for_build(
                "/* views::positions::read */ SELECT partition, next_offset FROM {build}.positions WHERE view = $1",
                build,
            ),
            &[&ORDERS],
        )
        .await
        .map_err(Error::during("reading the positions"))?;
    Ok(rows.iter().map(|row| (Partition(row.get(0)), Position(row.get(1)))).collect())
}

pub(crate) async fn read_prefixes(client: &Client, build: Build) -> Result<BTreeMap<Partition, LogPrefix>> {
    let rows = client
        .query(
            &for_build(
                "/* views::positions::read_prefixes */ SELECT partition, next_offset, records, digest
                 FROM {build}.positions WHERE view = $1",
                build,
            ),
            &[&ORDERS],
        )
        .await
        .map_err(Error::during("reading the positions"))?;
    Ok(rows.iter().map(prefix).collect())
}

/// Reads a row that begins with a partition, an offset, and the records and the digest below it. PostgreSQL
/// has no unsigned numbers: the bits are stored.
pub(crate) fn prefix(row: &Row) -> (Partition, LogPrefix) {
    let unsigned = |column| row.get::<_, i64>(column).cast_unsigned();
    let digest = LogDigest { records: unsigned(2), sum: unsigned(3) };
    (Partition(row.get(0)), LogPrefix { position: Position(row.get(1)), digest })
}

/// Partitions with prefixes of theirs, as the arrays that a statement takes: the opposite of [`prefix`].
#[derive(Debug, Default)]
pub(crate) struct PrefixArrays {
    pub(crate) partitions: Vec<i32>,
    pub(crate) offsets: Vec<i64>,
    pub(crate) records: Vec<i64>,
    pub(crate) digests: Vec<i64>,
}

impl PrefixArrays {
    pub(crate) fn push(&mut self, partition: Partition, prefix: LogPrefix) {
        self.partitions.push(partition.0);
        self.offsets.push(prefix.position.0);
        self.records.push(prefix.digest.records.cast_signed());
        self.digests.push(prefix.digest.sum.cast_signed());
    }
}
