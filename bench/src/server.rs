//! The PostgreSQL server: fresh databases in the same state, and the server's counters and settings.

use local_stack::sql_client;
use secrecy::{ExposeSecret, SecretString};
use service::{Exit, Failure};
use tokio_postgres::Client;
use views::{Database, Parts, SessionKind};

use crate::baselines;
use crate::cpu;
use crate::tables::Tables;

pub struct Server {
    admin: Client,
    url: SecretString,
    /// The server's first process, if it runs on this machine.
    postmaster: Option<i32>,
    made: u32,
}

/// A database with empty tables: those of this version, and those of the baselines.
pub struct FreshDatabase {
    pub name: String,
    pub url: SecretString,
    /// Those that the consumer fills.
    pub tables: Tables,
}

impl Server {
    pub async fn connect(url: &str) -> Result<Self, Failure> {
        let url = SecretString::from(url.to_owned());
        // Names what is wrong with the URL, if anything is.
        database(&url)?;
        let admin = sql(&url).await?;
        let pid: i32 = admin.query_one("/* bench::server */ SELECT pg_backend_pid()", &[]).await?.get(0);
        Ok(Self { postmaster: cpu::parent_named(pid, "postgres"), admin, url, made: 0 })
    }

    /// Creates a database with all tables, and then makes a checkpoint, so that every step starts in the same
    /// state, and does not count the making of its tables.
    pub async fn fresh_database(&mut self, parts: Parts) -> Result<FreshDatabase, Failure> {
        self.made += 1;
        let name = format!("bench_{}_{}", std::process::id(), self.made);
        self.execute(&format!("CREATE DATABASE {name} TEMPLATE template0")).await?;
        let url = SecretString::from(local_stack::with_database(self.url.expose_secret(), &name));
        views::migrate::migrate_divided(&database(&url)?, parts).await?;
        sql(&url).await?.batch_execute(baselines::TABLES).await?;
        let tables = active_tables(&url).await?;
        self.checkpoint().await?;
        Ok(FreshDatabase { name, url, tables })
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

    /// The tables that serve now, which a rebuild changes.
    pub async fn active_tables(&self) -> Result<Tables, Failure> {
        active_tables(&self.url).await
    }
}

async fn active_tables(url: &SecretString) -> Result<Tables, Failure> {
    let session = database(url)?.session("food-orders bench", SessionKind::Short).await?;
    Ok(Tables::of_build(views::builds::active(&session).await?.build.schema()))
}

fn database(url: &SecretString) -> Result<Database, Failure> {
    Ok(Database::parse(url, None)?)
}

async fn sql(url: &SecretString) -> Result<Client, Failure> {
    sql_client(url.expose_secret(), None).await.map_err(Failure::with(Exit::Unexpected))
}
