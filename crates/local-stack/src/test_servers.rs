//! One Kafka and one PostgreSQL for all tests of a process, and a database and a topic name for each test.

use std::any::Any;
use std::env;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use tokio::sync::OnceCell;

use crate::downloads::Downloads;
use crate::error::{Error, Result, UsageError};
use crate::kafka::KafkaOptions;
use crate::kafka_mode::KafkaMode;
use crate::postgres::PostgresOptions;
use crate::scratch::Scratch;
use crate::sql::sql_client;
use crate::start_both::start_both;

/// `host:port` of a running Kafka to test against.
pub const KAFKA_VARIABLE: &str = "FOOD_ORDERS_TEST_KAFKA";
/// The URL of a running PostgreSQL to test against, with a user that may create databases.
pub const DATABASE_VARIABLE: &str = "FOOD_ORDERS_TEST_DATABASE_URL";

/// The servers of the tests, and what keeps them alive.
#[derive(Debug)]
pub struct TestServers {
    bootstrap_servers: String,
    database_url: String,
    /// Ends the servers when it is dropped; `()` if somebody else started them.
    _servers: Box<dyn Any + Send + Sync>,
}

impl TestServers {
    /// The servers that all tests of this process share: those that the environment names
    /// (`FOOD_ORDERS_TEST_KAFKA`, `FOOD_ORDERS_TEST_DATABASE_URL`), or else containers (feature `docker`), or
    /// else child processes; always the last in the ZooKeeper mode of `FOOD_ORDERS_TEST_KAFKA_MODE`. The first
    /// call starts them, and they end with the process.
    pub async fn shared() -> Result<&'static Self> {
        static SHARED: OnceCell<TestServers> = OnceCell::const_new();
        SHARED.get_or_try_init(Self::find_or_start).await
    }

    async fn find_or_start() -> Result<Self> {
        if let Some(given) = Self::from_environment()? {
            return Ok(given);
        }
        #[cfg(feature = "docker")]
        if KafkaMode::of_tests()? == KafkaMode::Kraft
            && let Some(containers) = crate::containers::start().await?
        {
            return Ok(Self {
                bootstrap_servers: containers.bootstrap_servers.clone(),
                database_url: containers.database_url.clone(),
                _servers: Box::new(containers),
            });
        }
        // Waiting for the processes takes seconds, which must not block the runtime's thread.
        let (reply, answer) = tokio::sync::oneshot::channel();
        thread::spawn(move || {
            let _ = reply.send(Self::start());
        });
        answer.await.map_err(|_| Error::ThreadPanicked { task: "starts the servers of the tests" })?
    }

    fn from_environment() -> Result<Option<Self>> {
        let given = |name| env::var(name).ok().filter(|value| !value.is_empty());
        match (given(KAFKA_VARIABLE), given(DATABASE_VARIABLE)) {
            (Some(bootstrap_servers), Some(database_url)) => {
                Ok(Some(Self { bootstrap_servers, database_url, _servers: Box::new(()) }))
            }
            (None, None) => Ok(None),
            (Some(_), None) => Err(only_one(KAFKA_VARIABLE, DATABASE_VARIABLE)),
            (None, Some(_)) => Err(only_one(DATABASE_VARIABLE, KAFKA_VARIABLE)),
        }
    }

    /// Starts child processes on free ports, with their data in a temporary folder that is removed with them.
    /// Blocks for some seconds.
    pub fn start() -> Result<Self> {
        let downloads = Downloads::ensure_for(KafkaMode::of_tests()?)?;
        let scratch = Scratch::new()?;
        let kafka = KafkaOptions::new(scratch.path().join("kafka")).for_tests()?;
        let postgres = PostgresOptions::new(scratch.path().join("postgres")).for_tests();
        let (kafka, postgres) = start_both(&downloads, &kafka, 1, &postgres, |_| {})?;
        Ok(Self {
            bootstrap_servers: kafka.bootstrap_servers(),
            database_url: postgres.url(),
            // A tuple drops its fields in this order, so the folder goes last.
            _servers: Box::new((kafka, postgres, scratch)),
        })
    }

    /// `host:port` of Kafka.
    pub fn bootstrap_servers(&self) -> &str {
        &self.bootstrap_servers
    }

    /// The URL of the database that [`Self::fresh_database`] connects to. Its user may create databases.
    pub fn database_url(&self) -> &str {
        &self.database_url
    }

    /// Creates an empty database that no other test uses, and returns its URL. It stays until the server
    /// ends.
    pub async fn fresh_database(&self) -> Result<String> {
        let name = unique("test_").replace('-', "_");
        let client = sql_client(&self.database_url, None).await?;
        // The name needs no quotes: it consists of a-z, 0-9 and underscores.
        client
            .batch_execute(&format!(
                "/* local_stack::fresh_database */ CREATE DATABASE {name} TEMPLATE template0"
            ))
            .await
            .map_err(|cause| Error::Database { attempt: format!("creating the database {name}"), cause })?;
        Ok(with_database(&self.database_url, &name))
    }

    /// A topic name that no other test uses. The topic is not created.
    pub fn fresh_topic_name(&self) -> String {
        unique("food-orders-test-")
    }
}

fn only_one(given: &'static str, missing: &'static str) -> Error {
    UsageError::OnlyOneServer { given, missing }.into()
}

/// A name with the process id, a counter and some randomness, because several processes may share the
/// servers.
fn unique(prefix: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let random = uuid::Uuid::new_v4().as_fields().0;
    format!("{prefix}{}-{}-{random:08x}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The URL of another database on the same server, with the same user and parameters.
pub fn with_database(url: &str, name: &str) -> String {
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
    fn a_url_keeps_everything_but_the_database() {
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
    fn two_unique_names_differ() {
        assert_ne!(unique("a-"), unique("a-"));
    }
}
