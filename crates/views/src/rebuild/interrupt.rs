//! Ends what a rebuild still does in a build that is to be dropped.

use tokio_postgres::Client;

use crate::Build;
use crate::error::{Error, Result};

/// Cancels the statements of a rebuild that hold locks on the tables of its build. Nobody waits for them any more, but
/// one that makes an index would go on for as long as that takes, and the build could not be dropped. The sessions of
/// operators and readers are left alone.
pub(super) async fn interrupt(client: &Client, build: Build) -> Result<()> {
    client
        .execute(
            "/* views::rebuild::interrupt::interrupt */ SELECT pg_cancel_backend(a.pid) FROM pg_stat_activity AS a
             WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.state <> 'idle'
                 AND (a.application_name LIKE 'food-orders rebuild%' OR a.application_name = 'food-orders lane')
                 AND EXISTS (
                     SELECT FROM pg_locks AS l JOIN pg_class AS c ON c.oid = l.relation
                     WHERE l.pid = a.pid AND l.granted AND l.locktype = 'relation'
                         AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
                         AND c.relnamespace = to_regnamespace($1))",
            &[&build.schema()],
        )
        .await
        .map_err(Error::during("ending the statements of a rebuild"))?;
    Ok(())
}
