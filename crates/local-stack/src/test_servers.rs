//! One Kafka and one PostgreSQL for all tests of a process, and a database and a topic name for each test.

use std::any::Any;
use std::env;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use tokio::sync::OnceCell;

use crate::downloads::Downloads;
use crate::error::{Error, Result};
use crate::kafka::{Kafka, KafkaOptions};
use crate::postgres::{Postgres, PostgresOptions};
use crate::scratch::Scratch;

/// `host:port` of a running Kafka to test against.
pub const KAFKA_VARIABLE: &str = "FOOD_ORDERS_TEST_KAFKA";
/// The URL of a running PostgreSQL to test against, with a user that may create databases.
pub const DATABASE_VARIABLE: &str = "FOOD_ORDERS_TEST_DATABASE_URL";

/// Where the tests' servers are, and what keeps them alive.
#[derive(Debug)]
pub struct TestServers {
    bootstrap_servers: String,
    database_url: String,
    /// What ends the servers when it is dropped; nothing where they are someone else's.
    _keep: Box<dyn Any + Send + Sync>,
}

impl TestServers {
    /// The servers that all tests of this process share, started by the first that asks: those named by the environment
    /// (`FOOD_ORDERS_TEST_KAFKA`, `FOOD_ORDERS_TEST_DATABASE_URL`), else containers (feature `docker`), else child processes. They
    /// end with the process.
    pub async fn shared() -> Result<&'static Self> {
        static SHARED: OnceCell<TestServers> = OnceCell::const_new();
        SHARED.get_or_try_init(Self::find_or_start).await
    }

    async fn find_or_start() -> Result<Self> {
        if let Some(given) = Self::from_environment()? {
            return Ok(given);
        }
        #[cfg(feature = "docker")]
        if let Some(containers) = crate::containers::start().await? {
            return Ok(Self {
                bootstrap_servers: containers.bootstrap_servers.clone(),
                database_url: containers.database_url.clone(),
                _keep: Box::new(containers),
            });
        }
        // Seconds of waiting for processes: not on the runtime's thread.
        let (reply, answer) = tokio::sync::oneshot::channel();
        thread::spawn(move || {
            let _ = reply.send(Self::start());
        });
        answer
            .await
            .map_err(|_| Error::Usage("the thread that starts the test servers has ended".to_owned()))?
    }

    fn from_environment() -> Result<Option<Self>> {
        let given = |name| env::var(name).ok().filter(|value| !value.is_empty());
        match (given(KAFKA_VARIABLE), given(DATABASE_VARIABLE)) {
            (Some(bootstrap_servers), Some(database_url)) => {
                Ok(Some(Self { bootstrap_servers, database_url, _keep: Box::new(()) }))
            }
            (None, None) => Ok(None),
            _ => Err(Error::Usage(format!("set both {KAFKA_VARIABLE} and {DATABASE_VARIABLE}, or neither"))),
        }
    }

    /// Fresh child processes on free ports, their data in a temporary folder, which goes with them. Blocks for some seconds.
    pub fn start() -> Result<Self> {
        let downloads = Downloads::ensure()?;
        let scratch = Scratch::new()?;
        let kafka = KafkaOptions::new(scratch.path().join("kafka")).for_tests();
        let postgres = PostgresOptions::new(scratch.path().join("postgres")).for_tests();
        let (kafka, postgres) = start_both(&downloads, &kafka, &postgres)?;
        Ok(Self {
            bootstrap_servers: kafka.bootstrap_servers(),
            database_url: postgres.url(),
            // Ended in this order.
            _keep: Box::new((kafka, postgres, scratch)),
        })
    }

    /// `host:port`, for Kafka clients.
    pub fn bootstrap_servers(&self) -> &str {
        &self.bootstrap_servers
    }

    /// The URL of the database that `fresh_database` connects to. Its user may create databases.
    pub fn database_url(&self) -> &str {
        &self.database_url
    }

    /// Creates an empty database that no other test knows, and returns its URL. It stays until the server goes.
    pub async fn fresh_database(&self) -> Result<String> {
        let name = unique("test_").replace('-', "_");
        let (client, connection) =
            tokio_postgres::connect(&self.database_url, tokio_postgres::NoTls).await.map_err(|source| {
                Error::Database { what: "connecting to the PostgreSQL of the tests".to_owned(), source }
            })?;
        let connection = tokio::spawn(connection);
        // The name is ours and holds only a-z, 0-9 and underscores.
        client
            .batch_execute(&format!(
                "/* local_stack::fresh_database */ CREATE DATABASE {name} TEMPLATE template0"
            ))
            .await
            .map_err(|source| Error::Database { what: format!("creating the database {name}"), source })?;
        drop(client);
        let _ = connection.await;
        Ok(with_database(&self.database_url, &name))
    }

    /// A topic name that no other test uses. The topic is not created.
    pub fn fresh_topic_name(&self) -> String {
        unique("food-orders-test-")
    }
}

/// Both at once: each takes seconds of mostly waiting.
pub(crate) fn start_both(
    downloads: &Downloads,
    kafka: &KafkaOptions,
    postgres: &PostgresOptions,
) -> Result<(Kafka, Postgres)> {
    thread::scope(|scope| {
        let kafka = scope.spawn(|| Kafka::start(downloads, kafka));
        let postgres = Postgres::start(downloads, postgres);
        let kafka = kafka
            .join()
            .unwrap_or_else(|_| Err(Error::Usage("the thread that starts Kafka panicked".to_owned())));
        Ok((kafka?, postgres?))
    })
}

/// The prefix, this process, a counter and some randomness: several processes share the servers.
fn unique(prefix: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let random = uuid::Uuid::new_v4().as_fields().0;
    format!("{prefix}{}-{}-{random:08x}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The same URL with another database: its path is replaced, user, host and parameters stay.
fn with_database(url: &str, name: &str) -> String {
    let (rest, parameters) = match url.split_once('?') {
        Some((rest, parameters)) => (rest, format!("?{parameters}")),
        None => (url, String::new()),
    };
    let authority = rest.find("://").map_or(0, |at| at + 3);
    let server = rest[authority..].find('/').map_or(rest, |slash| &rest[..authority + slash]);
    format!("{server}/{name}{parameters}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_database_on_the_same_server() {
        let cases = [
            ("postgres://u:p@h:1/old", "postgres://u:p@h:1/new"),
            ("postgres://u:p@h:1", "postgres://u:p@h:1/new"),
            ("postgres://u:p@h:1/", "postgres://u:p@h:1/new"),
            ("postgresql://h/old?sslmode=disable", "postgresql://h/new?sslmode=disable"),
            ("postgres://h?connect_timeout=3", "postgres://h/new?connect_timeout=3"),
        ];
        for (from, to) in cases {
            assert_eq!(with_database(from, "new"), to);
        }
    }

    #[test]
    fn unique_names_differ() {
        assert_ne!(unique("a-"), unique("a-"));
    }
}
