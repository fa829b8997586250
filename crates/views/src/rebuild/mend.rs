//! Orders that a retry has added to while they were being derived.

use tokio_postgres::Client;

use crate::apply::Rows;
use crate::error::{Error, Result};
use crate::sql::for_build;

/// Of one transaction.
const ORDERS: usize = 1000;

/// A retry writes only the history of a build that is being loaded or derived: whether the
/// pass over the history has met that row is not known. So such orders are folded again once
/// the build has left these states. Returns how many there were.
pub async fn fold_retried(client: &mut Client, build: i64) -> Result<usize> {
    let during = Error::during("folding retried orders");
    // The index begins with order_id; most builds have nothing to look for.
    let retried = client
        .query(
            &for_build(
                "/* views::rebuild::fold_retried */ SELECT DISTINCT order_id FROM {build}.order_history
                 WHERE decision IS NOT NULL AND EXISTS (SELECT FROM {build}.dead_letters WHERE state = 'retried')
                 ORDER BY order_id",
                build,
            ),
            &[],
        )
        .await
        .map_err(&during)?;
    let retried: Vec<&str> = retried.iter().map(|row| row.get(0)).collect();
    if retried.is_empty() {
        return Ok(0);
    }
    let rows = Rows::prepare(client, build).await?;
    for orders in retried.chunks(ORDERS) {
        let tx = client.transaction().await.map_err(&during)?;
        rows.derive(tx.client(), orders).await?;
        tx.commit().await.map_err(&during)?;
    }
    Ok(retried.len())
}
