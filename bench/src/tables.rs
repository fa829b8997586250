//! The tables that a step fills, seen from outside.

use std::time::{Duration, Instant};

use service::Failure;
use tokio_postgres::Client;

/// How long PostgreSQL may take until its statistics contain those of a session that has ended.
const STATISTICS_LIMIT: Duration = Duration::from_secs(3);

/// A history and its orders.
#[derive(Clone, Debug)]
pub struct Tables {
    pub schema: String,
    /// How these tables say that an order was delivered.
    pub delivered: &'static str,
    /// Where records lie that could not be applied. The baselines have no such table.
    pub dead_letters: Option<&'static str>,
}

/// PostgreSQL's statistics.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counters {
    pub history_rows: i64,
    pub orders_inserted: i64,
    pub orders_updated: i64,
    pub orders_updated_hot: i64,
}

/// How many rows there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rows {
    pub history: u64,
    pub orders: u64,
    pub delivered: u64,
    pub dead_letters: u64,
}

/// The bytes of the tables, with indexes and TOAST.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    pub history: u64,
    pub orders: u64,
}

impl Tables {
    pub fn of_build(schema: String) -> Self {
        Self { schema, delivered: "D", dead_letters: Some("dead_letters") }
    }

    pub fn of_baselines() -> Self {
        Self { schema: "baseline".to_owned(), delivered: "delivered", dead_letters: None }
    }

    /// Waits until the statistics contain at least this many rows of the history, and returns them.
    pub async fn counters(&self, client: &Client, history_rows: u64) -> Result<Counters, Failure> {
        let deadline = Instant::now() + STATISTICS_LIMIT;
        loop {
            let rows = client
                .query(
                    "/* bench::counters */ SELECT relname ~ '^orders', sum(n_tup_ins)::bigint, sum(n_tup_upd)::bigint,
                         sum(n_tup_hot_upd)::bigint
                     FROM pg_stat_user_tables
                     WHERE schemaname = $1 AND relname ~ '^(orders|order_history)(_[0-9]+)?$'
                     GROUP BY 1",
                    &[&self.schema],
                )
                .await?;
            let mut counters = Counters::default();
            for row in &rows {
                if row.get(0) {
                    counters.orders_inserted = row.get(1);
                    counters.orders_updated = row.get(2);
                    counters.orders_updated_hot = row.get(3);
                } else {
                    counters.history_rows = row.get(1);
                }
            }
            if counters.history_rows as u64 >= history_rows || Instant::now() > deadline {
                return Ok(counters);
            }
            // PostgreSQL reports its statistics late, and nothing tells when it has done so.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub async fn rows(&self, client: &Client) -> Result<Rows, Failure> {
        let Self { schema, delivered, dead_letters } = self;
        let dead_letters = match dead_letters {
            Some(table) => format!("(SELECT count(*) FROM {schema}.{table})"),
            None => "0::bigint".to_owned(),
        };
        let sql = format!(
            "/* bench::rows */ SELECT (SELECT count(*) FROM {schema}.order_history), count(*),
                    count(*) FILTER (WHERE status = '{delivered}'), {dead_letters}
             FROM {schema}.orders"
        );
        let row = client.query_one(&sql, &[]).await?;
        let number = |index: usize| row.get::<_, i64>(index) as u64;
        Ok(Rows { history: number(0), orders: number(1), delivered: number(2), dead_letters: number(3) })
    }

    pub async fn size(&self, client: &Client) -> Result<Size, Failure> {
        let sql = "/* bench::size */ SELECT sum(pg_total_relation_size(oid)) FILTER (WHERE relname ~ '^order_history')::bigint,
                sum(pg_total_relation_size(oid)) FILTER (WHERE relname ~ '^orders')::bigint
             FROM pg_class
             WHERE relnamespace = to_regnamespace($1) AND relkind = 'r' AND relname ~ '^(orders|order_history)(_[0-9]+)?$'";
        let row = client.query_one(sql, &[&self.schema]).await?;
        let bytes = |index: usize| row.get::<_, i64>(index) as u64;
        Ok(Size { history: bytes(0), orders: bytes(1) })
    }
}
