//! The table `orders` has to contain one row per order of the log, with the values of the fold.

use std::pin::pin;

use futures_util::TryStreamExt;
use tokio_postgres::Transaction;

use super::cell::{Cell, names};
use super::fold::{self, COLUMNS};
use super::{Differences, Error, Log};

const TABLE: &str = "orders";

/// Compares the table, and returns how many orders the log has.
pub async fn compare(
    tx: &Transaction<'_>,
    build: &str,
    log: &Log,
    differences: &mut Differences,
) -> Result<usize, Error> {
    let mut missing = log.orders();
    let count = missing.len();
    let select = format!("/* oracle::orders */ SELECT order_id, {} FROM {build}.orders", names(&COLUMNS));
    let mut rows = pin!(tx.query_raw(&select, std::iter::empty::<i32>()).await?);
    while let Some(row) = rows.try_next().await? {
        let order_id: &str = row.try_get(0)?;
        let Some(expected) = missing.remove(order_id).and_then(fold::row) else {
            differences.add(TABLE, order_id, "row", "no order, or only one row", "a row");
            continue;
        };
        for (index, (name, kind)) in COLUMNS.into_iter().enumerate() {
            let found = Cell::of_row(&row, index + 1, kind)?;
            let expected = expected.get(name).unwrap_or(&Cell::Null);
            if *expected != found {
                differences.add(TABLE, order_id, name, expected, found);
            }
        }
    }
    for order_id in missing.keys() {
        differences.add(TABLE, order_id, "row", "an order", "no row");
    }
    Ok(count)
}
