//! How far each partition of a build is applied.

use std::collections::BTreeMap;

use orders::{Partition, Position, Positions};
use tokio_postgres::Client;

use crate::error::{Error, Result};
use crate::session::Session;
use crate::sql::for_build;
use crate::{Build, ORDERS};

impl Build {
    /// How far each partition is applied.
    pub async fn positions(self, session: &Session) -> Result<Positions> {
        read(&session.client, self).await
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
