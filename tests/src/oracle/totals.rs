//! The sums of table `totals` have to be what the other tables hold, counted row by row. Those tables are compared with
//! the log.

use tokio_postgres::Transaction;

use super::{Differences, Error};

const TABLE: &str = "totals";

/// Each column, and the rows that it counts.
const COLUMNS: [(&str, &str); 7] = [
    ("pending", "orders WHERE status = 'C'"),
    ("paid", "orders WHERE status = 'P'"),
    ("shipped", "orders WHERE status = 'S'"),
    ("delivered", "orders WHERE status = 'D'"),
    ("cancelled", "orders WHERE status = 'X'"),
    ("records", "order_history"),
    ("open_dead_letters", "dead_letters WHERE state = 'open'"),
];

pub async fn compare(tx: &Transaction<'_>, build: &str, differences: &mut Differences) -> Result<(), Error> {
    for (column, rows) in COLUMNS {
        let select = format!(
            "/* oracle::totals */ SELECT (SELECT count(*) FROM {build}.{rows}), coalesce(sum({column}), 0)::bigint
             FROM {build}.totals"
        );
        let row = tx.query_one(&select, &[]).await?;
        let (counted, found): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
        if counted != found {
            differences.add(TABLE, "all partitions", column, counted, found);
        }
    }
    Ok(())
}
