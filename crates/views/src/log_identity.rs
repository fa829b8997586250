//! The log that a build is made from.

use orders::LogIdentity;
use tokio_postgres::{Client, Row};

use crate::Build;
use crate::error::{Error, Result};
use crate::session::Session;
use crate::sql::for_build;

impl Build {
    /// The log that this build is made from; `None`: it is not recorded yet.
    pub async fn log_identity(self, session: &Session) -> Result<Option<LogIdentity>> {
        let row = session
            .client
            .query_opt(
                &for_build(
                    "/* views::log_identity::log_identity */
                     SELECT cluster_id, topic, topic_id, partitions FROM {build}.log_identity",
                    self,
                ),
                &[],
            )
            .await
            .map_err(Error::during("reading a build's log identity"))?;
        Ok(row.as_ref().map(from_row))
    }

    /// Records it if none is recorded yet, and else what may change: the topic's id if it was unknown, and
    /// a higher number of partitions. Returns what is recorded now.
    pub async fn record_log_identity(self, session: &Session, identity: &LogIdentity) -> Result<LogIdentity> {
        record(&session.client, self, identity).await
    }
}

pub(crate) async fn record(client: &Client, build: Build, identity: &LogIdentity) -> Result<LogIdentity> {
    let row = client
        .query_one(
            &for_build(
                "/* views::log_identity::record */
                 INSERT INTO {build}.log_identity AS recorded (cluster_id, topic, topic_id, partitions)
                 VALUES ($1, $2, $3, $4)
                 ON CONFLICT (singleton) DO UPDATE SET
                     topic_id = COALESCE(recorded.topic_id, excluded.topic_id),
                     partitions = GREATEST(recorded.partitions, excluded.partitions)
                 RETURNING cluster_id, topic, topic_id, partitions",
                build,
            ),
            &[&identity.cluster_id, &identity.topic, &identity.topic_id, &identity.partitions],
        )
        .await
        .map_err(Error::during("recording a build's log identity"))?;
    Ok(from_row(&row))
}

pub(crate) fn from_row(row: &Row) -> LogIdentity {
    LogIdentity { cluster_id: row.get(0), topic: row.get(1), topic_id: row.get(2), partitions: row.get(3) }
}
