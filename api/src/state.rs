//! What the routes share.

use std::sync::Arc;

use dead_letters::Desk;
use service::Health;
use tokio::sync::Semaphore;
use views::read::{Cut, Reader};

use crate::auth::AdminToken;
use crate::lag::Lag;
use crate::problem::Problem;
use crate::query::Query;
use crate::rebuilds::Rebuilds;
use crate::topic::Topic;
use crate::wait::Applied;

#[derive(Clone)]
pub struct AppState {
    reader: Arc<Reader>,
    health: Health,
    pub lag: Lag,
    pub topic: Topic,
    pub admin: AdminToken,
    pub rebuilds: Rebuilds,
    pub desk: Desk,
    /// Each opens a connection of its own, and they wait for each other anyway.
    pub decisions: Arc<Semaphore>,
    applied: Applied,
}

impl AppState {
    pub fn new(reader: Reader, health: Health, admin: AdminToken, rebuilds: Rebuilds, desk: Desk) -> Self {
        Self {
            reader: Arc::new(reader),
            health,
            lag: Lag::default(),
            topic: Topic::default(),
            admin,
            rebuilds,
            desk,
            decisions: Arc::new(Semaphore::new(2)),
            applied: Applied::default(),
        }
    }

    /// The tables, once they are there.
    pub fn reader(&self) -> Result<&Reader, Problem> {
        if self.health.started().is_fine() {
            return Ok(&self.reader);
        }
        Err(Problem::unavailable("the api is starting: it waits for the database and its tables", 2))
    }

    /// The tables, once what the request waits for is applied.
    pub async fn reader_for(&self, query: &Query, cut: Option<&Cut>) -> Result<&Reader, Problem> {
        let reader = self.reader()?;
        self.applied.wait(reader, query, cut).await?;
        Ok(reader)
    }

    /// For the tasks that run before, and beside, the requests.
    pub fn reader_unchecked(&self) -> &Reader {
        &self.reader
    }
}
