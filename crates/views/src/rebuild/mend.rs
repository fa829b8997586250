//! Orders that were retried while a build's orders were being derived.

use scoped_futures::ScopedFutureExt;

use crate::Build;
use crate::apply::Rows;
use crate::error::{Error, Result};
use crate::session::Session;
use crate::sql::for_build;

/// The number of orders in one transaction.
const ORDERS_AT_ONCE: usize = 1000;

impl Build {
    /// Folds retried orders again, and returns how many there were. In a build that is being
    /// loaded or derived, a retry writes only the history, and it is unknown whether the pass over the
    /// history has seen that row; so this is done once the build has left these states.
    pub async fn fold_retried(self, session: &mut Session) -> Result<usize> {
        let attempt = "folding retried orders";
        // The index begins with order_id; most builds have nothing to look for.
        let retried = session
            .client
            .query(
                &for_build(
                    "/* views::rebuild::mend::fold_retried */ SELECT DISTINCT order_id FROM {build}.order_history
                     WHERE decision IS NOT NULL AND EXISTS (SELECT FROM {build}.dead_letters WHERE state = 'retried')
                     ORDER BY order_id",
                    self,
                ),
                &[],
            )
            .await
            .map_err(Error::during(attempt))?;
        let retried: Vec<&str> = retried.iter().map(|row| row.get(0)).collect();
        if retried.is_empty() {
            return Ok(0);
        }
        let rows = &Rows::prepare(&session.client, self).await?;
        for orders in retried.chunks(ORDERS_AT_ONCE) {
            session
                .run_tx(attempt, |tx| async move { rows.derive(tx.client(), orders).await }.scope_boxed())
                .await?;
        }
        Ok(retried.len())
    }
}
