//! The dead letters of a build, for a comparison with the log.

use std::collections::BTreeMap;

use orders::{Offset, Partition};

use super::history_scan::LogRows;
use crate::Build;
use crate::apply::Closed;
use crate::decisions::Verdict;
use crate::error::{Error, Result};
use crate::session::Session;
use crate::sql::for_build;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownDeadLetter {
    pub cause: String,
    /// How it was closed; `None`: it is open.
    pub closed: Option<Closed>,
}

impl Build {
    /// All of its dead letters, by their records: a consumer that finds many stops, so there are few.
    pub async fn dead_letters(
        self,
        session: &Session,
        which: LogRows,
    ) -> Result<BTreeMap<(Partition, Offset), KnownDeadLetter>> {
        let rows = session
            .client
            .query(
                &for_build(
                    &format!(
                        "/* views::rebuild::dead_letters::dead_letters */
                         SELECT partition, \"offset\", cause, state, decision FROM {{build}}.dead_letters WHERE {}",
                        which.condition()
                    ),
                    self,
                ),
                &[],
            )
            .await
            .map_err(Error::during("reading the dead letters"))?;
        Ok(rows
            .iter()
            .map(|row| {
                let verdict = match row.get(3) {
                    "retried" => Some(Verdict::Retry),
                    "discarded" => Some(Verdict::Discard),
                    _ => None,
                };
                // A closed dead letter without a decision is a difference: there is no decision 0.
                let decision = row.get::<_, Option<i64>>(4).unwrap_or_default();
                let closed = verdict.map(|verdict| Closed { verdict, decision });
                let dead_letter = KnownDeadLetter { cause: row.get(2), closed };
                ((Partition(row.get(0)), Offset(row.get(1))), dead_letter)
            })
            .collect())
    }
}
