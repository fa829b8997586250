//! The letters of a build, for a comparison with the log.

use std::collections::BTreeMap;

use orders::{Offset, Partition};
use tokio_postgres::Client;

use crate::error::{Error, Result};
use crate::sql::for_build;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownLetter {
    pub cause: String,
    /// Its record is in the history as well.
    pub is_retried: bool,
}

/// All of them: a consumer that finds many stops, so there are few.
pub async fn letters(client: &Client, build: i64) -> Result<BTreeMap<(Partition, Offset), KnownLetter>> {
    let rows = client
        .query(
            &for_build(
                "/* views::rebuild::letters */ SELECT partition, \"offset\", cause, state = 'retried' FROM {build}.letters",
                build,
            ),
            &[],
        )
        .await
        .map_err(Error::during("reading the letters"))?;
    Ok(rows
        .iter()
        .map(|row| {
            let letter = KnownLetter { cause: row.get(2), is_retried: row.get(3) };
            ((Partition(row.get(0)), Offset(row.get(1))), letter)
        })
        .collect())
}
