//! Orders that were retried while a build's orders were being derived.

use std::collections::BTreeMap;
use std::pin::pin;

use futures_util::TryStreamExt;
use orders::OrderState;
use scoped_futures::ScopedFutureExt;
use tokio_postgres::Transaction;
use tokio_postgres::types::ToSql;

use crate::Build;
use crate::apply::Rows;
use crate::error::{Error, Result};
use crate::history::FactRow;
use crate::row_values::RowValues;
use crate::session::Session;
use crate::sql::for_build;
use crate::totals;

/// The number of orders in one transaction.
const ORDERS_AT_ONCE: usize = 1000;

impl Build {
    /// Merges the orders of retried records, and returns how many there were. In a build that is being
    /// loaded or derived, a retry writes only the history, and it is unknown whether the pass over the
    /// history has seen that row; so this is done once the build has left these states.
    pub async fn merge_retried(self, session: &mut Session) -> Result<usize> {
        let attempt = "merging retried orders";
        // The index begins with order_id; most builds have nothing to look for.
        let retried = session
            .client
            .query(
                &for_build(
                    "/* views::rebuild::mend::merge_retried */ SELECT DISTINCT order_id FROM {build}.order_history
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
                .run_tx(attempt, |tx| {
                    async move {
                        let retried = self.retried(tx, orders).await?;
                        let states: Vec<_> = retried.iter().map(|(id, state)| (id.as_str(), state)).collect();
                        let changes = rows.merge(tx.client(), &states).await?;
                        totals::add(tx.client(), self, &changes).await
                    }
                    .scope_boxed()
                })
                .await?;
        }
        Ok(retried.len())
    }

    /// The merge of each order's retried records, without their fields. An order may have any number of them.
    async fn retried(
        self,
        tx: &Transaction<'_>,
        order_ids: &[&str],
    ) -> Result<BTreeMap<String, OrderState<'static>>> {
        let during = Error::during("reading retried records");
        let statement = for_build(
            "/* views::rebuild::mend::retried */ SELECT order_id, partition, \"offset\", event, sequence, occurred_at,
                 appended_at, NULL::text AS details
             FROM {build}.order_history WHERE order_id = ANY($1) AND decision IS NOT NULL",
            self,
        );
        let rows = tx.query_raw(&statement, [&order_ids as &(dyn ToSql + Sync)]).await.map_err(&during)?;
        let mut rows = pin!(rows);
        let mut states: BTreeMap<String, OrderState<'static>> = BTreeMap::new();
        while let Some(row) = rows.try_next().await.map_err(&during)? {
            let row = FactRow::read(&mut RowValues::of_query(&row))?;
            let fact = row.fact()?.without_fields();
            match states.get_mut(row.order_id) {
                Some(state) => state.add(fact),
                None => states.entry(row.order_id.to_owned()).or_default().add(fact),
            }
        }
        Ok(states)
    }
}
