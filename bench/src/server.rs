//! The PostgreSQL server: fresh databases in the same state, and the server's counters and settings.

use std::time::{Duration, Instant};

use local_stack::sql_client;
use secrecy::{ExposeSecret, SecretString};
use service::{Exit, Failure};
use tokio_postgres::Client;
use views::{Database, SessionKind};

use crate::cpu;

/// How long PostgreSQL may take until its statistics contain those of a session that has ended.
const STATISTICS_LIMIT: Duration = Duration::from_secs(3);

pub struct Server {
    admin: Client,
    url: SecretString,
    /// The server's first process, if it runs on this machine.
    postmaster: Option<i32>,
    made: u32,
}

/// A database with the tables of this version, which are empty.
pub struct FreshDatabase {
    pub name: String,
    pub url: SecretString,
    /// The schema of the active build.
    pub schema: String,
}

/// PostgreSQL's statistics of a database.
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

    /// Creates and migrates a database, and then makes a checkpoint, so that every step starts in the same
    /// state.
    pub async fn fresh_database(&mut self) -> Result<FreshDatabase, Failure> {
        self.made += 1;
        let name = format!("bench_{}_{}", std::process::id(), self.made);
        self.execute(&format!("CREATE DATABASE {name} TEMPLATE template0")).await?;
        let url = SecretString::from(local_stack::with_database(self.url.expose_secret(), &name));
        let database = database(&url)?;
        views::migrate::migrate(&database).await?;
        let session = database.session("food-orders bench", SessionKind::Short).await?;
        let build = views::builds::active(&session).await?.build;
        self.checkpoint().await?;
        Ok(FreshDatabase { name, url, schema: build.schema() })
    }

    /// Drops a database, and ends the sessions that still use it.
    pub async fn drop(&self, fresh: FreshDatabase) -> Result<(), Failure> {
        self.execute(&format!("DROP DATABASE {} WITH (FORCE)", fresh.name)).await
    }

    /// Makes PostgreSQL write all changed pages to disk.
    pub async fn checkpoint(&self) -> Result<(), Failure> {
        self.execute("CHECKPOINT").await
    }

    async fn execute(&self, statement: &str) -> Result<(), Failure> {
        Ok(self.admin.batch_execute(statement).await?)
    }

    /// How much WAL has been written since the server was created, in bytes.
    pub async fn wal_bytes(&self) -> Result<u64, Failure> {
        let sql = "/* bench::server */ SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint";
        Ok(self.admin.query_one(sql, &[]).await?.get::<_, i64>(0) as u64)
    }

    /// The processor time of all the server's processes so far, in seconds.
    pub fn cpu_seconds(&self) -> Option<f64> {
        cpu::of_process_tree(self.postmaster?)
    }

    /// The path of the server's program, if it can be known.
    pub fn program(&self) -> Option<String> {
        let path = std::fs::read_link(format!("/proc/{}/exe", self.postmaster?)).ok()?;
        Some(path.display().to_string())
    }

    pub async fn setting(&self, name: &str) -> Result<String, Failure> {
        Ok(self.admin.query_one("/* bench::server */ SELECT current_setting($1)", &[&name]).await?.get(0))
    }
}

impl FreshDatabase {
    /// A client of its own, to read the tables from outside.
    pub async fn sql(&self) -> Result<Client, Failure> {
        sql(&self.url).await
    }

    /// Waits until the statistics contain at least this many rows of the history, and returns them.
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
