//! What the plan of a rebuild needs to know of the database.

use crate::Build;
use crate::error::{Error, Result};
use crate::session::Session;

impl Build {
    /// Bytes on disk of all of its tables with their indexes.
    pub async fn bytes_on_disk(self, session: &Session) -> Result<i64> {
        let row = session
            .client
            .query_one(
                "/* views::rebuild::plan::bytes_on_disk */
                 SELECT COALESCE(sum(pg_total_relation_size(c.oid)), 0)::bigint
                 FROM pg_class c WHERE c.relnamespace = to_regnamespace($1) AND c.relkind = 'r'",
                &[&self.schema()],
            )
            .await
            .map_err(Error::during("measuring a build"))?;
        Ok(row.get(0))
    }

    /// The version of the code that made it.
    pub async fn projection_version(self, session: &Session) -> Result<i32> {
        let row = session
            .client
            .query_one(
                "/* views::rebuild::plan::projection_version */ SELECT projection_version FROM public.builds WHERE id = $1",
                &[&self.0],
            )
            .await
            .map_err(Error::during("reading a build's version"))?;
        Ok(row.get(0))
    }
}

/// The server's data directory, if the server runs on this machine and the user may read its settings. The
/// caller has to find out whether this process sees the same file system.
pub async fn data_directory(session: &Session) -> Result<Option<String>> {
    let row = session
        .client
        .query_one(
            "/* views::rebuild::plan::data_directory */ SELECT CASE
                 WHEN pg_has_role('pg_read_all_settings', 'USAGE')
                     AND (inet_server_addr() IS NULL OR inet_server_addr() <<= '127.0.0.0/8' OR inet_server_addr() = '::1')
                 THEN current_setting('data_directory') END",
            &[],
        )
        .await
        .map_err(Error::during("asking for the data directory"))?;
    Ok(row.get(0))
}
