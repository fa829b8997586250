//! A connection of the pool while a query runs on it.

use std::ops::Deref;
use std::sync::Arc;

use deadpool_postgres::Object;

use super::gate::Pass;
use crate::connect::Database;

/// If the read is dropped before its answer, as when a client hangs up or the answer is large enough, the query is
/// cancelled and the connection closed. It does not go back to the pool, because the server may act on the cancelling when
/// the next query runs already.
pub(super) struct InFlight<'a> {
    database: &'a Database,
    /// `None` only while it is dropped.
    client: Option<Object>,
    /// Held until the query has been cancelled.
    pass: Option<Arc<Pass>>,
}

impl<'a> InFlight<'a> {
    pub(super) fn new(database: &'a Database, client: Object, pass: Option<Arc<Pass>>) -> Self {
        Self { database, client: Some(client), pass }
    }

    /// Gives the connection back to the pool.
    pub(super) fn answered(mut self) {
        drop(self.client.take());
    }
}

impl Deref for InFlight<'_> {
    type Target = Object;

    fn deref(&self) -> &Object {
        let Some(client) = &self.client else { unreachable!("the connection is there until it is dropped") };
        client
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        let Some(client) = self.client.take().map(Object::take) else { return };
        // While the process shuts down, there may be no runtime any more.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (database, pass) = (self.database.clone(), self.pass.take());
        runtime.spawn(async move {
            let _pass = pass;
            if let Err(error) = database.cancel(&client.cancel_token()).await {
                tracing::debug!(%error, "a query that nobody waits for goes on");
            }
        });
    }
}
