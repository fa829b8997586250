//! The decisions of operators about single records, from the table `decisions`.

use std::collections::BTreeMap;

use tokio_postgres::Transaction;

use super::Error;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    pub id: i64,
    /// Whether the record was retried; otherwise it was discarded.
    pub is_retry: bool,
    /// The cause of the dead letter.
    pub cause: Option<String>,
    pub order_id: Option<String>,
}

/// The last decision about each record, by partition and offset.
pub type Decisions = BTreeMap<(i32, i64), Decision>;

pub async fn read(tx: &Transaction<'_>) -> Result<Decisions, Error> {
    let select = "/* oracle::decisions */ SELECT partition, from_offset, id, kind, cause, order_id
                  FROM public.decisions WHERE kind IN ('retry', 'discard') ORDER BY id";
    let mut decisions = Decisions::new();
    for row in tx.query(select, &[]).await? {
        let is_retry = row.try_get::<_, &str>(3)? == "retry";
        let decision =
            Decision { id: row.try_get(2)?, is_retry, cause: row.try_get(4)?, order_id: row.try_get(5)? };
        decisions.insert((row.try_get(0)?, row.try_get(1)?), decision);
    }
    Ok(decisions)
}
