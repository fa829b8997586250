//! What a statement has written to table `orders`, by its own account.

use std::iter::Sum;
use std::ops::AddAssign;

use orders::Status;
use tokio_postgres::{Client, Row, Statement};

use super::order_rows::OrderRows;
use crate::totals::Totals;

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Written {
    pub(super) rows: usize,
    /// How the totals change.
    pub(super) changes: Totals,
}

impl Written {
    /// Runs one of the statements of `order_columns.rs`.
    pub(super) async fn by(
        client: &Client,
        statement: &Statement,
        rows: &OrderRows,
    ) -> Result<Self, tokio_postgres::Error> {
        Ok(client.query(statement, &[rows]).await?.iter().map(Self::of).sum())
    }

    /// Reads how many rows had one status before, or were not there, and have another one now.
    fn of(row: &Row) -> Self {
        let (before, after, count): (Option<i8>, i8, i64) = (row.get(0), row.get(1), row.get(2));
        let status = |code: i8| Status::of_code(code.cast_unsigned());
        let mut changes = Totals::default();
        // A code that no version writes comes from a row that was damaged after it was counted. It stays counted as what
        // it was, until a rebuild.
        if let Some(before) = before.and_then(status) {
            changes.add_orders(before, -count);
        }
        if let Some(after) = status(after) {
            changes.add_orders(after, count);
        }
        Self { rows: count as usize, changes }
    }
}

impl AddAssign for Written {
    fn add_assign(&mut self, other: Self) {
        self.rows += other.rows;
        self.changes += other.changes;
    }
}

impl Sum for Written {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        let mut sum = Self::default();
        all.for_each(|one| sum += one);
        sum
    }
}
