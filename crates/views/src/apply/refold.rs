//! The other case of the merge: orders that the upsert did not take are folded again
//! from their whole history, in the same transaction.

use tokio_postgres::{Client, Row, Statement};

use super::order_rows::OrderRows;
use super::orders::{Merge, Orders, Places};
use super::writer::prepare;
use crate::Build;
use crate::error::{Error, Result};
use crate::history::{FACT_COLUMNS, fact};

#[derive(Debug)]
pub(super) struct Refold {
    untaken: Statement,
    history: Statement,
    replace: Statement,
}

impl Refold {
    pub(super) async fn prepare(client: &Client, build: Build) -> Result<Self> {
        // A row that this transaction wrote carries its id; one that the upsert only
        // locked does not.
        let untaken = "/* views::apply::untaken */ SELECT o.order_id
            FROM unnest($1::text[]) AS incoming (order_id)
            JOIN {build}.orders AS o ON o.order_id = incoming.order_id
            WHERE o.xmin <> pg_current_xact_id()::xid";
        let history = format!(
            "/* views::apply::refold */ SELECT {FACT_COLUMNS} FROM {{build}}.order_history WHERE order_id = ANY($1)"
        );
        Ok(Self {
            untaken: prepare(client, build, untaken).await?,
            history: prepare(client, build, &history).await?,
            replace: prepare(client, build, include_str!("replace.sql")).await?,
        })
    }

    /// Folds again those of `incoming` that the upsert left; returns how many orders that were.
    pub(super) async fn run(&self, client: &Client, incoming: &[&str]) -> Result<usize> {
        let during = Error::during("folding orders again");
        let untaken = client.query(&self.untaken, &[&incoming]).await.map_err(&during)?;
        let untaken: Vec<&str> = untaken.iter().map(|row| row.get(0)).collect();
        // A statement of its own: its snapshot holds what others committed before our
        // row lock was granted.
        let history = self.history(client, &untaken).await?;
        let merged = merged(&history)?;
        let rows = OrderRows::array(&merged.iter().collect::<Vec<_>>());
        let replaced = client.execute(&self.replace, &[&rows]).await.map_err(&during)?;
        if replaced as usize != untaken.len() {
            return Err(Error::Unusable(format!(
                "{} orders were to be folded again, but {replaced} rows were there",
                untaken.len()
            )));
        }
        Ok(untaken.len())
    }

    /// All records of some orders, for [`merged`].
    pub(super) async fn history(&self, client: &Client, order_ids: &[&str]) -> Result<Vec<Row>> {
        client.query(&self.history, &[&order_ids]).await.map_err(Error::during("reading orders' histories"))
    }
}

/// The orders that these rows make.
pub(super) fn merged(history: &[Row]) -> Result<Orders<'_>> {
    let (mut places, mut merge) = (Places::default(), Merge::default());
    for row in history {
        let (order_id, fact) = fact(row)?;
        merge.add(places.of(order_id.into()), fact);
    }
    Ok(merge.finish(places))
}
