//! What the routes share.

use std::sync::Arc;

use dead_letters::Operator;
use service::{Health, Metrics};
use tokio::sync::Semaphore;
use views::read::{Cut, Reader};

use crate::auth::Tokens;
use crate::lag::Lag;
use crate::problem::Problem;
use crate::query::Query;
use crate::rebuilds::Rebuilds;
use crate::topic::Topic;
use crate::wait::Applied;

#[derive(Clone)]
pub struct AppState {
    reader: Arc<Reader>,
    pub health: Health,
    pub metrics: Metrics,
    pub lag: Lag,
    pub topic: Topic,
    pub tokens: Tokens,
    pub rebuilds: Rebuilds,
    pub operator: Operator,
    /// Bounds the decisions in progress: each opens a connection, and they wait for each other anyway.
    pub decisions: Arc<Semaphore>,
    applied: Applied,
}

impl AppState {
    pub fn new(
        reader: Reader,
        health: Health,
        metrics: Metrics,
        tokens: Tokens,
        rebuilds: Rebuilds,
        operator: Operator,
    ) -> Self {
        Self {
            reader: Arc::new(reader),
            health,
            metrics,
            lag: Lag::default(),
            topic: Topic::default(),
            tokens,
            rebuilds,
            operator,
            decisions: Arc::new(Semaphore::new(2)),
            applied: Applied::default(),
        }
    }

    /// The tables; a 503 problem until the start is over.
    pub fn reader(&self) -> Result<&Reader, Problem> {
        if self.health.started().is_fine() {
            return Ok(&self.reader);
        }
        Err(Problem::unavailable("the api is starting: it waits for the database and its tables", 2))
    }

    /// The tables, as soon as the positions that the request waits for are applied.
    pub async fn reader_for(&self, query: &Query, cut: Option<&Cut>) -> Result<&Reader, Problem> {
        let reader = self.reader()?;
        self.applied.wait(reader, query, cut).await?;
        Ok(reader)
    }

    /// The tables for tasks that run before the start is over.
    pub fn reader_unchecked(&self) -> &Reader {
        &self.reader
    }
}
