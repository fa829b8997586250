//! The letters of a build, for a comparison with the log.

use std::collections::BTreeMap;

use orders::{Offset, Partition};
use tokio_postgres::Client;

use crate::apply::Closed;
use crate::decisions::Verdict;
use crate::error::{Error, Result};
use crate::sql::for_build;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownLetter {
    pub cause: String,
    /// How it was closed, and by which decision; `None`: it is open.
    pub closed: Option<Closed>,
}

/// All of them: a consumer that finds many stops, so there are few.
pub async fn letters(client: &Client, build: i64) -> Result<BTreeMap<(Partition, Offset), KnownLetter>> {
    let rows = client
        .query(
            &for_build(
                "/* views::rebuild::letters */ SELECT partition, \"offset\", cause, state, decision FROM {build}.letters",
                build,
            ),
            &[],
        )
        .await
        .map_err(Error::during("reading the letters"))?;
    Ok(rows
        .iter()
        .map(|row| {
            let verdict = match row.get(3) {
                "retried" => Some(Verdict::Retry),
                "discarded" => Some(Verdict::Discard),
                _ => None,
            };
            // A closed letter without a decision is a difference: there is no decision 0.
            let decision = row.get::<_, Option<i64>>(4).unwrap_or_default();
            let closed = verdict.map(|verdict| Closed { verdict, decision });
            let letter = KnownLetter { cause: row.get(2), closed };
            ((Partition(row.get(0)), Offset(row.get(1))), letter)
        })
        .collect())
}
