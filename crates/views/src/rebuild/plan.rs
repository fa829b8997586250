//! What a plan asks the database: how much there is.

use tokio_postgres::Client;

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
