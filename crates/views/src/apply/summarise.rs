//! Summaries of what was appended to the history, without which its BRIN index skips nothing.

use tokio_postgres::Client;

use crate::Build;
use crate::sql::for_build;
use crate::tx::Tally;

/// Every list of the latest orders reads the rows that have no summary: a millisecond for 20 000 of them. Summarising
/// takes about as long, which a small batch should not have to wait for often.
const ROWS: usize = 8192;

/// How many rows a session has written since it summarised.
#[derive(Debug, Default)]
pub(super) struct Unsummarised(usize);

impl Unsummarised {
    /// Call this after the transaction that has written the rows. If summarising fails, the rows are there all the same.
    pub(super) async fn add(&mut self, client: &Client, build: Build, rows: usize) {
        self.0 += rows;
        if self.0 < ROWS {
            return;
        }
        self.0 = 0;
        let tally = Tally::begin("summarising the history");
        match client.batch_execute(&for_build(include_str!("summarise.sql"), build)).await {
            Ok(()) => tally.committed(),
            Err(error) => tracing::debug!(%error, "the history was not summarised"),
        }
    }
}
