//! The PostgreSQL server: fresh databases that start alike, and what it says of itself.

use std::time::{Duration, Instant};

use local_stack::sql_client;
use secrecy::{ExposeSecret, SecretString};
use service::{Exit, Failure};
use tokio_postgres::Client;
use views::{Database, SessionKind};

use crate::cpu;

/// How long PostgreSQL may take to show the statistics of a session that has ended.
const STATISTICS_LIMIT: Duration = Duration::from_secs(3);

pub struct Server {
    admin: Client,
    url: SecretString,
    /// Its first process, where the server runs on this machine.
    postmaster: Option<i32>,
    made: u32,
}

/// A database with this version's tables, all empty.
pub struct Fresh {
    pub name: String,
    pub url: SecretString,
    /// Schema of the active build.
    pub schema: String,
}

/// What PostgreSQL counts of a database.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counters {
    pub history_rows: i64,
    pub orders_inserted: i64,
    pub orders_updated: i64,
    pub orders_updated_hot: i64,
}

impl Server {
    pub async fn connect(url: &str) -> Result<Self, Failure> {
        let url = SecretString::from(url.to_owned());
        let admin = sql(&url).await?;
        let pid: i32 = admin.query_one("/* bench::server */ SELECT pg_backend_pid()", &[]).await?.get(0);
        Ok(Self { postmaster: cpu::parent_named(pid, "postgres"), admin, url, made: 0 })
    }

    /// Makes a database, migrates it and writes all dirty pages out, so that every step starts alike.
    pub async fn fresh(&mut self) -> Result<Fresh, Failure> {
        self.made += 1;
        let name = format!("bench_{}_{}", std::process::id(), self.made);
        self.execute(&format!("CREATE DATABASE {name} TEMPLATE template0")).await?;
        let url = with_database(&self.url, &name);
        let database = database(&url)?;
        views::migrate::migrate(&database).await?;
        let session = database.session("food-orders bench", SessionKind::Short).await?;
        let build = views::builds::active(&session).await?.build;
        self.checkpoint().await?;
        Ok(Fresh { name, url, schema: build.schema() })
    }

    /// Removes a database, with whoever is still connected to it.
    pub async fn drop(&self, fresh: Fresh) -> Result<(), Failure> {
        self.execute(&format!("DROP DATABASE {} WITH (FORCE)", fresh.name)).await
    }

    /// Writes all dirty pages out.
    pub async fn checkpoint(&self) -> Result<(), Failure> {
        self.execute("CHECKPOINT").await
    }

    async fn execute(&self, statement: &str) -> Result<(), Failure> {
        Ok(self.admin.batch_execute(statement).await?)
    }

    /// How much write-ahead log there was ever, in bytes.
    pub async fn wal_bytes(&self) -> Result<u64, Failure> {
        let sql = "/* bench::server */ SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint";
        Ok(self.admin.query_one(sql, &[]).await?.get::<_, i64>(0) as u64)
    }

    /// Processor time of all the server's processes so far, in seconds.
    pub fn cpu_seconds(&self) -> Option<f64> {
        cpu::of_process_tree(self.postmaster?)
    }

    /// The file that the server's program is, where that can be seen.
    pub fn program(&self) -> Option<String> {
        let path = std::fs::read_link(format!("/proc/{}/exe", self.postmaster?)).ok()?;
        Some(path.display().to_string())
    }

    pub async fn setting(&self, name: &str) -> Result<String, Failure> {
        Ok(self.admin.query_one("/* bench::server */ SELECT current_setting($1)", &[&name]).await?.get(0))
    }
}

impl Fresh {
    /// A client of its own, to look at the tables from outside.
    pub async fn sql(&self) -> Result<Client, Failure> {
        sql(&self.url).await
    }

    /// The counters, once they show at least this many rows in the history.
    pub async fn counters(&self, history_rows: u64) -> Result<Counters, Failure> {
        let client = self.sql().await?;
        let deadline = Instant::now() + STATISTICS_LIMIT;
        loop {
            let rows = client
                .query(
                    "/* bench::counters */ SELECT relname::text, n_tup_ins, n_tup_upd, n_tup_hot_upd
                     FROM pg_stat_user_tables
                     WHERE schemaname = $1 AND relname IN ('orders', 'order_history')",
                    &[&self.schema],
                )
                .await?;
            let mut counters = Counters::default();
            for row in &rows {
                if row.get::<_, &str>(0) == "orders" {
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
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

fn database(url: &SecretString) -> Result<Database, Failure> {
    Ok(Database::parse(url, None)?)
}

async fn sql(url: &SecretString) -> Result<Client, Failure> {
    sql_client(url.expose_secret(), None).await.map_err(Failure::with(Exit::Unexpected))
}

/// The same URL with another database.
fn with_database(url: &SecretString, name: &str) -> SecretString {
    let url = url.expose_secret();
    let (rest, parameters) = match url.split_once('?') {
        Some((rest, parameters)) => (rest, format!("?{parameters}")),
        None => (url, String::new()),
    };
    let authority = rest.find("://").map_or(0, |at| at + 3);
    let server = rest[authority..].find('/').map_or(rest, |slash| &rest[..authority + slash]);
    format!("{server}/{name}{parameters}").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_database_on_the_same_server() {
        for (from, to) in [
            ("postgres://u:p@h:1/old", "postgres://u:p@h:1/new"),
            ("postgres://u:p@h:1", "postgres://u:p@h:1/new"),
            ("postgres://h/old?sslmode=disable", "postgres://h/new?sslmode=disable"),
        ] {
            assert_eq!(with_database(&from.to_owned().into(), "new").expose_secret(), to);
        }
    }
}
