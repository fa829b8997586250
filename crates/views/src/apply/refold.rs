//! The hard case of the merge: orders that the upsert did not take are folded again from their entire
//! history, in the same transaction.

use tokio_postgres::{Client, Row, Statement};

use super::merged_orders::{MergedOrders, OrderMerge, OrderNumbers};
use super::order_rows::OrderRows;
use super::statement::prepare;
use crate::error::{Error, Result};
use crate::history::{FACT_COLUMNS, FactRow};
use crate::row_values::RowValues;
use crate::{Build, order_columns};

#[derive(Debug)]
pub(super) struct Refold {
    untaken: Statement,
    history: Statement,
    replace: Statement,
}

impl Refold {
    pub(super) async fn prepare(client: &Client, build: Build) -> Result<Self> {
        // A row that this transaction has written carries its id; one that the upsert has only locked does
        // not.
        let untaken = "/* views::apply::refold::prepare */ SELECT o.order_id
            FROM unnest($1::text[]) AS incoming (order_id)
            JOIN {build}.orders AS o ON o.order_id = incoming.order_id
            WHERE o.xmin <> pg_current_xact_id()::xid";
        let history = format!(
            "/* views::apply::refold::prepare */ SELECT {FACT_COLUMNS} FROM {{build}}.order_history WHERE order_id = ANY($1)"
        );
        Ok(Self {
            untaken: prepare(client, build, untaken).await?,
            history: prepare(client, build, &history).await?,
            replace: prepare(client, build, &order_columns::replace()).await?,
        })
    }

    /// Folds again those of the `incoming` orders that the upsert left alone, and returns their number.
    pub(super) async fn run(&self, client: &Client, incoming: &[&str]) -> Result<usize> {
        let attempt = "folding orders again";
        let during = Error::during(attempt);
        let untaken = client.query(&self.untaken, &[&incoming]).await.map_err(&during)?;
        let untaken: Vec<&str> = untaken.iter().map(|row| row.get(0)).collect();
        // A statement of its own, because its snapshot holds what others have committed before the row lock
        // was granted.
        let history = self.history(client, &untaken).await?;
        let merged = merged(&history)?;
        let rows = OrderRows::array(&merged.iter().collect::<Vec<_>>());
        let replaced = client.execute(&self.replace, &[&rows]).await.map_err(&during)?;
        if replaced as usize != untaken.len() {
            return Err(Error::RowCount { attempt, expected: untaken.len(), found: replaced });
        }
        Ok(untaken.len())
    }

    /// All records of these orders, for [`merged`].
    pub(super) async fn history(&self, client: &Client, order_ids: &[&str]) -> Result<Vec<Row>> {
        client.query(&self.history, &[&order_ids]).await.map_err(Error::during("reading orders' histories"))
    }
}

/// Merges rows of the history by order.
pub(super) fn merged(history: &[Row]) -> Result<MergedOrders<'_>> {
    let (mut numbers, mut merge) = (OrderNumbers::default(), OrderMerge::default());
    for row in history {
        let row = FactRow::read(&mut RowValues::of_query(row))?;
        merge.add(numbers.of(row.order_id.into()), row.fact()?);
    }
    Ok(merge.finish(numbers))
}
