//! What a plan asks the database: how much there is, and of which log.

use tokio_postgres::{Client, GenericClient};

use crate::error::{Error, Result};
use crate::sql::for_build;

/// Bytes on disk of all of a build's tables with their indexes.
pub async fn build_bytes(client: &Client, build: i64) -> Result<i64> {
    let row = client
        .query_one(
            "/* views::rebuild::build_bytes */ SELECT COALESCE(sum(pg_total_relation_size(c.oid)), 0)::bigint
             FROM pg_class c WHERE c.relnamespace = to_regnamespace($1) AND c.relkind = 'r'",
            &[&for_build("{build}", build)],
        )
        .await
        .map_err(Error::during("measuring a build"))?;
    Ok(row.get(0))
}

/// The server's data directory, if the server runs on this machine and this user may
/// know it. Whether it is on a file system that we see is the caller's to find out.
pub async fn data_directory(client: &Client) -> Result<Option<String>> {
    let row = client
        .query_one(
            "/* views::rebuild::data_directory */ SELECT CASE
                 WHEN pg_has_role('pg_read_all_settings', 'USAGE')
                     AND (inet_server_addr() IS NULL OR inet_server_addr() <<= '127.0.0.0/8' OR inet_server_addr() = '::1')
                 THEN current_setting('data_directory') END",
            &[],
        )
        .await
        .map_err(Error::during("asking for the data directory"))?;
    Ok(row.get(0))
}

/// Of the code that made a build.
pub async fn projection_version(client: &Client, build: i64) -> Result<i32> {
    let row = client
        .query_one("/* views::rebuild::projection_version */ SELECT projection_version FROM public.builds WHERE id = $1", &[&build])
        .await
        .map_err(Error::during("reading a build's version"))?;
    Ok(row.get(0))
}

/// The log that a build was made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogIdentity {
    pub cluster_id: String,
    pub topic: String,
    pub partitions: i32,
}

/// `None`: nobody has recorded it yet.
pub async fn log_identity(client: &Client, build: i64) -> Result<Option<LogIdentity>> {
    let row = client
        .query_opt(
            &for_build("/* views::rebuild::log_identity */ SELECT cluster_id, topic, partitions FROM {build}.log_identity", build),
            &[],
        )
        .await
        .map_err(Error::during("reading a build's log identity"))?;
    Ok(row.map(|row| LogIdentity { cluster_id: row.get(0), topic: row.get(1), partitions: row.get(2) }))
}

pub async fn record_log_identity(
    client: &impl GenericClient,
    build: i64,
    identity: &LogIdentity,
) -> Result<()> {
    client
        .execute(
            &for_build(
                "/* views::rebuild::record_log_identity */ INSERT INTO {build}.log_identity (cluster_id, topic, partitions)
                 VALUES ($1, $2, $3)
                 ON CONFLICT (singleton) DO UPDATE SET cluster_id = $1, topic = $2, partitions = $3",
                build,
            ),
            &[&identity.cluster_id, &identity.topic, &identity.partitions],
        )
        .await
        .map_err(Error::during("recording a build's log identity"))?;
    Ok(())
}
