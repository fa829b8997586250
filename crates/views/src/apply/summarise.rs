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

#[cfg(test)]
mod tests {
    #[test]
    fn a_range_has_as_many_pages_as_the_index_says() {
        let index = include_str!("../build/history_indexes.sql");
        let (_, pages) = index.split_once("pages_per_range = ").expect("the index says it");
        let pages = pages.trim_end().trim_end_matches(");");
        assert!(
            include_str!("summarise.sql").contains(&format!("pages_per_range CONSTANT bigint := {pages};"))
        );
    }
}
