//! Table `totals`: how many orders there are of each status, how many records and how many open dead letters, changed
//! with every write so that no read counts. A lane's batch adds its changes to the row of a partition that the lane holds,
//! and everything else to one row of its own, so that no lane waits here. A transaction does this last: while it holds such
//! a row, it waits at most for the same row of another build. So these rows lead to no deadlock.

use std::ops::{Add, AddAssign, Sub};

use orders::{Partition, Status};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row, Statement, ToStatement};

use crate::Build;
use crate::error::{Error, Result};
use crate::session::Session;
use crate::sql::for_build;

/// Counts, or by how much they change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    by_status: [i64; Status::ALL.len()],
    /// How many rows the history has.
    pub records: i64,
    pub open_dead_letters: i64,
}

impl Totals {
    /// Adds orders of this status.
    pub fn add_orders(&mut self, status: Status, count: i64) {
        self.by_status[status as usize] += count;
    }

    /// How many orders have each status.
    pub fn by_status(&self) -> impl Iterator<Item = (Status, i64)> {
        Status::ALL.into_iter().zip(self.by_status)
    }

    #[must_use]
    pub fn orders(&self) -> i64 {
        self.by_status.iter().sum()
    }

    /// Each count with the name of its column.
    pub fn columns(&self) -> impl Iterator<Item = (&'static str, i64)> {
        let orders = self.by_status().map(|(status, count)| (status.as_str(), count));
        orders.chain([("records", self.records), ("open_dead_letters", self.open_dead_letters)])
    }

    /// Reads a row of [`SUMS`].
    pub(crate) fn of(row: &Row) -> Self {
        Self {
            by_status: std::array::from_fn(|column| row.get(column)),
            records: row.get(Status::ALL.len()),
            open_dead_letters: row.get(Status::ALL.len() + 1),
        }
    }
}

impl AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        for (mine, other) in self.by_status.iter_mut().zip(other.by_status) {
            *mine += other;
        }
        self.records += other.records;
        self.open_dead_letters += other.open_dead_letters;
    }
}

impl Add for Totals {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        self += other;
        self
    }
}

impl Sub for Totals {
    type Output = Self;

    fn sub(mut self, other: Self) -> Self {
        for (mine, other) in self.by_status.iter_mut().zip(other.by_status) {
            *mine -= other;
        }
        self.records -= other.records;
        self.open_dead_letters -= other.open_dead_letters;
        self
    }
}

/// The columns of a statement that reads the totals of table `t`.
pub(crate) const SUMS: &str = "coalesce(sum(t.pending), 0)::bigint, coalesce(sum(t.paid), 0)::bigint,
    coalesce(sum(t.shipped), 0)::bigint, coalesce(sum(t.delivered), 0)::bigint, coalesce(sum(t.cancelled), 0)::bigint,
    coalesce(sum(t.records), 0)::bigint, coalesce(sum(t.open_dead_letters), 0)::bigint";

impl Build {
    /// As table `totals` has them.
    pub async fn totals(self, session: &Session) -> Result<Totals> {
        let statement = format!("/* views::totals::totals */ SELECT {SUMS} FROM {{build}}.totals t");
        let row = session.client.query_one(&for_build(&statement, self), &[]).await;
        Ok(Totals::of(&row.map_err(Error::during("reading the totals"))?))
    }

    /// As the other tables have them, which are read from end to end.
    pub async fn counted_totals(self, session: &Session) -> Result<Totals> {
        let row = session.client.query_one(&for_build(include_str!("totals/counted.sql"), self), &[]).await;
        Ok(Totals::of(&row.map_err(Error::during("counting the totals"))?))
    }

    /// The open dead letters that were taken over from the build before.
    pub async fn kept_open_dead_letters(self, session: &Session) -> Result<i64> {
        let statement = "/* views::totals::kept_open_dead_letters */
            SELECT count(*) FROM {build}.dead_letters WHERE state = 'open' AND kept_by IS NOT NULL";
        let row = session.client.query_one(&for_build(statement, self), &[]).await;
        Ok(row.map_err(Error::during("counting the dead letters that were kept"))?.get(0))
    }
}

/// Prepares [`add_with`].
pub(crate) async fn prepare(client: &Client, build: Build) -> Result<Statement> {
    client.prepare(&for_build(ADD, build)).await.map_err(Error::during(ATTEMPT))
}

const ADD: &str = include_str!("totals/add.sql");

const ATTEMPT: &str = "changing the totals";

/// The row of decisions and rebuilds. A process that is frozen in such a transaction holds up no lane.
const NO_LANE: Partition = Partition(-1);

/// Adds changes that are not those of a lane's batch, in the transaction that the session has open. It has to be the
/// transaction's last statement on the tables of the build.
pub(crate) async fn add(client: &Client, build: Build, changes: &Totals) -> Result<()> {
    add_with(client, for_build(ADD, build).as_str(), NO_LANE, changes).await
}

/// Adds the changes of a batch to the row of a partition that its lane holds, with the statement that [`prepare`] has
/// made. If nothing changes, it does nothing.
pub(crate) async fn add_with<S: ToStatement + ?Sized>(
    client: &Client,
    statement: &S,
    partition: Partition,
    changes: &Totals,
) -> Result<()> {
    if *changes == Totals::default() {
        return Ok(());
    }
    let counts: Vec<i64> = changes.columns().map(|(_, count)| count).collect();
    let mut values: Vec<&(dyn ToSql + Sync)> = vec![&partition.0];
    values.extend(counts.iter().map(|count| count as &(dyn ToSql + Sync)));
    client.execute(statement, &values).await.map_err(Error::during(ATTEMPT))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_statement_has_the_columns_in_this_order() {
        let columns: Vec<_> = Totals::default().columns().map(|(column, _)| column).collect();
        let listed = columns.join(", ");
        assert!(include_str!("totals/add.sql").contains(&format!("(partition, {listed})")));
        let sums: Vec<_> =
            columns.iter().map(|column| format!("coalesce(sum(t.{column}), 0)::bigint")).collect();
        assert_eq!(SUMS.split_whitespace().collect::<Vec<_>>().join(" "), sums.join(", "));
    }

    #[test]
    fn a_change_is_the_difference_of_two_totals() {
        let (mut before, mut after) = (Totals::default(), Totals::default());
        before.add_orders(Status::Paid, 2);
        before.records = 5;
        after.add_orders(Status::Shipped, 2);
        after.open_dead_letters = 1;
        assert_eq!(before + (after - before), after);
        assert_eq!((after.orders(), (after - before).orders()), (2, 0));
    }
}
