//! A sum over the rows of a history, by which a later reader knows that they are still those that an earlier one has read.

use crate::Build;
use crate::error::{Error, Result};
use crate::session::Session;
use crate::sql::for_build;

/// PostgreSQL's hash of all columns of row `h`. Its values depend on the version of the server, so they are not kept.
///
/// The hash of a row is a sum over its columns, so the seed is the record's own: with the same seed for all, rows could
/// exchange values and have the same sum. Of an 8-byte number only 32 bits are hashed, its two halves together: two that
/// differ have the same hash in one of 2³² cases.
pub(super) const ROW_HASH: &str = "hash_record_extended(h, h.\"offset\" # (h.partition::bigint << 40))";

/// How many rows there are, and the sum of their hashes: it does not depend on the order in which they are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HistorySum {
    rows: i64,
    hashes: i128,
}

impl HistorySum {
    pub fn add(&mut self, hash: i64) {
        self.rows += 1;
        self.hashes += i128::from(hash);
    }

    pub fn merge(&mut self, other: Self) {
        self.rows += other.rows;
        self.hashes += other.hashes;
    }
}

impl Build {
    /// The sum over the history as it is now. Only the sum leaves the server.
    pub async fn history_sum(self, session: &Session) -> Result<HistorySum> {
        let row = session
            .client
            .query_one(
                &for_build(
                    &format!(
                        "/* views::rebuild::history_sum::history_sum */ SELECT count(*), COALESCE(sum({ROW_HASH}), 0)::text
                         FROM {{build}}.order_history AS h"
                    ),
                    self,
                ),
                &[],
            )
            .await
            .map_err(Error::during("summing the history"))?;
        let hashes = row.get::<_, &str>(1).parse().map_err(|_| Error::UnreadableRow)?;
        Ok(HistorySum { rows: row.get(0), hashes })
    }
}
