//! A connection of the pool while a query runs on it.

use std::ops::Deref;
use std::sync::Arc;

use deadpool_postgres::Object;

use super::gate::Pass;
use crate::connect::Database;

/// If the read is dropped before its answer, as when a client hangs up or the answer is large enough, the query is cancelled, and only
/// then does the connection go back to the pool.
pub(super) struct InFlight<'a> {
    database: &'a Database,
    client: Arc<Object>,
    /// Held until the connection is free again.
    pass: Option<Pass>,
    is_answered: bool,
}

impl<'a> InFlight<'a> {
    pub(super) fn new(database: &'a Database, client: Object, pass: Option<Pass>) -> Self {
        Self { database, client: Arc::new(client), pass, is_answered: false }
    }

    /// Gives the connection back to the pool.
    pub(super) fn answered(mut self) {
        self.is_answered = true;
    }
}

impl Deref for InFlight<'_> {
    type Target = Object;

    fn deref(&self) -> &Object {
        &self.client
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        if self.is_answered {
            return;
        }
        // While the process shuts down, there may be no runtime any more.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (database, client, pass) = (self.database.clone(), Arc::clone(&self.client), self.pass.take());
        runtime.spawn(async move {
            let _pass = pass;
            if let Err(error) = database.cancel(&client.cancel_token()).await {
                tracing::debug!(%error, "a query that nobody waits for goes on");
            }
            // This is answered only after everything before it has ended, the cancelled query included.
            let _ = client.batch_execute("/* views::read::in_flight::drop */").await;
        });
    }
}
