//! The surroundings of one test: a topic, a database and a consumer group of its own, and the programs that
//! use them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use event_log::KafkaSettings;
use local_stack::{TestServers, free_port};
use secrecy::SecretString;
use tempfile::TempDir;
use tokio_postgres::Client;

use super::api::TOKEN;
use super::{Api, GIVE_UP_AFTER, Launch, Program, Proxy, eventually};
use crate::oracle::{self, Offsets, Report, Samples, Settings};

/// See the module.
pub struct Stage {
    pub kafka: KafkaSettings,
    pub database_url: String,
    pub group: String,
    logs: TempDir,
    programs: AtomicU32,
}

/// How many events the large tests use, from `FOOD_ORDERS_TEST_EVENTS`.
pub fn test_events() -> u64 {
    let given = std::env::var("FOOD_ORDERS_TEST_EVENTS").ok();
    given.map_or(200_000, |text| text.parse().expect("FOOD_ORDERS_TEST_EVENTS has to be a whole number"))
}

/// An address on a free port.
pub fn free_address() -> String {
    format!("127.0.0.1:{}", free_port().unwrap())
}

impl Stage {
    pub async fn new() -> Self {
        let servers = TestServers::shared().await.expect("servers for the tests");
        let database_url = servers.fresh_database().await.expect("a database for this test");
        Self::with_database(database_url).await
    }

    /// With a database that the test provides.
    pub async fn with_database(database_url: String) -> Self {
        let servers = TestServers::shared().await.expect("servers for the tests");
        Self::on(servers.bootstrap_servers().to_owned(), servers.fresh_topic_name(), database_url)
    }

    /// With servers that the test provides.
    pub fn on(bootstrap_servers: String, topic: String, database_url: String) -> Self {
        Self {
            database_url,
            group: format!("group-of-{topic}"),
            kafka: KafkaSettings::new(&bootstrap_servers, &topic),
            logs: TempDir::new().unwrap(),
            programs: AtomicU32::new(1),
        }
    }

    /// The same topic and group with another database.
    #[must_use]
    pub fn with_other_database(self, database_url: &str) -> Self {
        Self { database_url: database_url.to_owned(), ..self }
    }

    /// One of our binaries, with the addresses and names of this stage in its environment.
    pub fn program(&self, name: &str) -> Launch {
        let number = self.programs.fetch_add(1, Ordering::Relaxed);
        Launch::new(name, self.logs.path().join(format!("{number}-{name}.log")))
            .env("KAFKA_BOOTSTRAP_SERVERS", &self.kafka.bootstrap_servers)
            .env("KAFKA_TOPIC", &self.kafka.topic)
            .env("KAFKA_GROUP_ID", &self.group)
            .env("DATABASE_URL", &self.database_url)
    }

    /// Starts a consumer.
    pub fn consumer(&self) -> Program {
        self.program("consumer").start()
    }

    /// A consumer that reaches the database through a proxy.
    pub fn consumer_through(&self, proxy: &Proxy) -> Launch {
        self.program("consumer").env("DATABASE_URL", proxy.url(&self.database_url))
    }

    /// Applies everything that is in the log now, with a consumer that ends afterwards.
    pub async fn catch_up(&self) {
        self.program("consumer").args("--until-caught-up").succeed(3 * GIVE_UP_AFTER).await;
    }

    /// Runs the producer at full speed until it ends.
    pub async fn produce(&self, arguments: &str) {
        self.program("producer").args("--rate 0").args(arguments).succeed(5 * GIVE_UP_AFTER).await;
    }

    /// Starts the API, and waits until it is ready.
    pub async fn api(&self) -> Api {
        self.api_with(1_000_000).await
    }

    /// The same, with another MAX_RECORD_BYTES.
    pub async fn api_with(&self, max_record_bytes: usize) -> Api {
        self.api_of(self.program("api").env("MAX_RECORD_BYTES", max_record_bytes.to_string())).await
    }

    /// Starts this API, and waits until it is ready.
    pub async fn api_of(&self, api: Launch) -> Api {
        let address = free_address();
        let program = api.env("API_LISTEN", &address).env("API_ADMIN_TOKEN", TOKEN).start();
        Api::ready(program, &address).await
    }

    /// A folder for files of the test.
    pub fn folder(&self) -> &Path {
        self.logs.path()
    }

    /// A session on the database.
    pub async fn sql(&self) -> Client {
        let (client, connection) =
            tokio_postgres::connect(&self.database_url, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }

    /// The positions of the active build, by partition.
    pub async fn positions(&self, sql: &Client) -> BTreeMap<i32, i64> {
        let rows = sql.query("SELECT partition, next_offset FROM public.positions", &[]).await;
        // Before the first migration the view does not exist.
        rows.unwrap_or_default().iter().map(|row| (row.get(0), row.get(1))).collect()
    }

    /// The status of an order in the tables, if the order exists.
    pub async fn status(&self, sql: &Client, order_id: &str) -> Option<String> {
        let row = sql.query_opt("SELECT status FROM public.orders WHERE order_id = $1", &[&order_id]).await;
        row.ok().flatten().map(|row| row.get(0))
    }

    pub async fn wait_for_status(&self, order_id: &str, status: &str) {
        let sql = self.sql().await;
        eventually(&format!("{order_id} is {status}"), GIVE_UP_AFTER, async || {
            (self.status(&sql, order_id).await.as_deref() == Some(status)).then_some(())
        })
        .await;
    }

    /// The end offsets of the log, by partition.
    pub async fn ends(&self) -> Offsets {
        // A partition that was just created may have no leader yet.
        eventually("all partitions have a leader", GIVE_UP_AFTER, async || {
            let kafka = self.kafka.clone();
            tokio::task::spawn_blocking(move || oracle::ends(&kafka)).await.unwrap().ok()
        })
        .await
    }

    /// The sum of all end offsets.
    pub async fn log_length(&self) -> i64 {
        self.ends().await.values().sum()
    }

    /// Waits up to five minutes until everything that is in the log now is applied, and has the oracle compare
    /// all tables with the log.
    pub async fn check(&self) -> Report {
        self.compare(None, 1_000_000, &[]).await
    }

    /// The same, for consumers with another MAX_RECORD_BYTES.
    pub async fn check_at(&self, max_record_bytes: usize) -> Report {
        self.compare(None, max_record_bytes, &[]).await
    }

    /// The same, and compares answers of the API as of random cuts.
    pub async fn check_with(&self, api: &Api, samples: u32) -> Report {
        let seed = rand::random();
        println!("seed of the as-of samples: {seed}");
        self.compare(Some(Samples { api: api.base.clone(), count: samples, seed }), 1_000_000, &[]).await
    }

    /// The same, where the test made PostgreSQL refuse these records, by partition and offset.
    pub async fn check_refused(&self, refused: &[(i32, i64)]) -> Report {
        self.compare(None, 1_000_000, refused).await
    }

    async fn compare(
        &self,
        samples: Option<Samples>,
        max_record_bytes: usize,
        refused: &[(i32, i64)],
    ) -> Report {
        let settings = Settings {
            kafka: self.kafka.clone(),
            database_url: SecretString::from(self.database_url.as_str()),
            root_certificate: None,
            max_record_bytes,
            refused: refused.iter().copied().collect::<BTreeSet<_>>(),
            wait: 5 * GIVE_UP_AFTER,
            samples,
        };
        let report = oracle::check(&settings).await.unwrap();
        println!("{report}");
        assert!(report.is_clean(), "the tables are not what the log implies:\n{report}");
        report
    }
}
