//! Real servers, started and ended in the ways that the fault tests use.
#![allow(clippy::unwrap_used, reason = "test code")]

mod common;

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

use local_stack::{
    Downloads, Error, Kafka, KafkaOptions, Postgres, PostgresOptions, Registry, RegistryDownloads,
    RegistryOptions,
};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use common::folder;

fn start_kafka(folder: &Path) -> Kafka {
    Kafka::start(&Downloads::ensure().unwrap(), &KafkaOptions::new(folder.join("kafka")).for_tests().unwrap())
        .unwrap()
}

fn start_postgres(folder: &Path) -> Postgres {
    Postgres::start(&Downloads::ensure().unwrap(), &PostgresOptions::new(folder.join("postgres")).for_tests())
        .unwrap()
}

async fn query(url: &str, sql: &str) -> Result<String, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await?;
    tokio::spawn(connection);
    let rows = client.simple_query(sql).await?;
    Ok(rows
        .iter()
        .filter_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        })
        .collect::<Vec<_>>()
        .join(","))
}

fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "not within 30 s: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_keeps_its_data_over_stop_and_kill() {
    let folder = folder();
    let mut postgres = start_postgres(folder.path());
    let url = postgres.url();
    assert!(postgres.version().starts_with(char::is_numeric));
    query(&url, "CREATE TABLE t AS SELECT 1 AS a").await.unwrap();
    assert_eq!(
        query(&url, "SELECT current_user || '/' || current_database()").await.unwrap(),
        "kafka_user/food_orders"
    );

    let first = postgres.pid().unwrap();
    postgres.restart().unwrap();
    assert_ne!(postgres.pid(), Some(first));
    query(&url, "INSERT INTO t VALUES (2)").await.unwrap();

    postgres.kill().unwrap();
    assert!(query(&url, "SELECT 1").await.is_err());
    postgres.restart().unwrap();
    assert_eq!(query(&url, "SELECT a FROM t ORDER BY a").await.unwrap(), "1,2");

    postgres.stop_immediate().unwrap();
    assert_eq!(postgres.pid(), None);
    postgres.restart().unwrap();
    assert_eq!(query(&url, "SELECT a FROM t ORDER BY a").await.unwrap(), "1,2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_postgres_answers_nothing_until_it_is_woken() {
    let folder = folder();
    let postgres = start_postgres(folder.path());
    let (client, connection) = tokio_postgres::connect(&postgres.url(), tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client.simple_query("SELECT 1").await.unwrap();
    postgres.pause();
    let mut answer = Box::pin(client.simple_query("SELECT 1"));
    assert!(tokio::time::timeout(Duration::from_millis(300), &mut answer).await.is_err());
    postgres.resume();
    tokio::time::timeout(Duration::from_secs(10), answer).await.unwrap().unwrap();
    // A frozen server can be stopped, too.
    postgres.pause();
    let process = format!("/proc/{}", postgres.pid().unwrap());
    drop(postgres);
    assert!(!Path::new(&process).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn kafka_keeps_its_records_and_creates_no_topic_by_itself() {
    let folder = folder();
    let mut kafka = start_kafka(folder.path());
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", kafka.bootstrap_servers());
    config.set("message.timeout.ms", "10000");

    let admin: AdminClient<DefaultClientContext> = config.create().unwrap();
    let topic = NewTopic::new("t", 1, TopicReplication::Fixed(1));
    admin.create_topics([&topic], &AdminOptions::new()).await.unwrap()[0].clone().unwrap();
    let producer: BaseProducer = config.create().unwrap();
    producer.send(BaseRecord::<(), str>::to("t").payload("kept")).unwrap();
    producer.flush(Duration::from_secs(10)).unwrap();

    kafka.kill().unwrap();
    kafka.restart().unwrap();
    kafka.restart().unwrap();
    let consumer: BaseConsumer = config.create().unwrap();
    wait_until("the record is there", || {
        consumer.fetch_watermarks("t", 0, Duration::from_secs(5)).is_ok_and(|watermarks| watermarks == (0, 1))
    });
    let unknown = consumer.fetch_metadata(Some("mistyped"), Duration::from_secs(10)).unwrap();
    assert!(unknown.topics()[0].error().is_some(), "a mistyped topic was created");
}

#[test]
fn a_busy_port_is_named_with_the_setting_that_chooses_another() {
    let folder = folder();
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let downloads = Downloads::ensure().unwrap();

    let mut options = PostgresOptions::new(folder.path().join("postgres")).for_tests();
    options.port = port;
    options.port_setting = "--postgres-port";
    let error = Postgres::start(&downloads, &options).unwrap_err();
    assert!(matches!(error, Error::PortBusy { .. }), "{error}");
    assert!(error.to_string().contains("--postgres-port"), "{error}");

    let mut options = KafkaOptions::new(folder.path().join("kafka"));
    options.port = port;
    options.port_setting = "--kafka-port";
    let error = Kafka::start(&downloads, &options).unwrap_err();
    assert!(matches!(error, Error::PortBusy { .. }), "{error}");
}

#[test]
fn a_data_folder_of_another_postgres_is_refused_with_a_way_out() {
    let folder = folder();
    let mut postgres = start_postgres(folder.path());
    postgres.stop().unwrap();
    drop(postgres);
    let options = PostgresOptions::new(folder.path().join("postgres"));
    let start = || Postgres::start(&Downloads::ensure().unwrap(), &options).unwrap_err().to_string();

    let data = folder.path().join("postgres/data");
    fs::write(data.join("PG_VERSION"), "9.6\n").unwrap();
    let error = start();
    assert!(error.contains("created by PostgreSQL 9.6") && error.contains("FOOD_ORDERS_PG_BIN"), "{error}");

    fs::remove_file(data.join("PG_VERSION")).unwrap();
    let error = start();
    assert!(error.contains("contains no PG_VERSION"), "{error}");
}

#[test]
fn a_folder_that_kafka_did_not_format_is_refused() {
    let folder = folder();
    let kafka = folder.path().join("kafka");
    fs::create_dir_all(kafka.join("data")).unwrap();
    let error =
        Kafka::start(&Downloads::ensure().unwrap(), &KafkaOptions::new(&kafka)).unwrap_err().to_string();
    assert!(error.contains("no meta.properties"), "{error}");
}

#[test]
fn the_error_of_a_server_that_does_not_start_contains_the_end_of_its_log() {
    let folder = folder();
    let mut options = PostgresOptions::new(folder.path().join("postgres"));
    options.settings.push(("shared_buffers".to_owned(), "much".to_owned()));
    let error = Postgres::start(&Downloads::ensure().unwrap(), &options).unwrap_err().to_string();
    assert!(error.contains("invalid value for parameter \"shared_buffers\""), "{error}");

    let mut options = KafkaOptions::new(folder.path().join("kafka"));
    options.settings.push(("num.io.threads".to_owned(), "-1".to_owned()));
    let error = Kafka::start(&Downloads::ensure().unwrap(), &options).unwrap_err().to_string();
    assert!(error.contains("num.io.threads"), "{error}");
}

/// The kernel's parent-death signal follows the thread that started the child, and the threads of tests are
/// short-lived.
#[test]
fn a_server_outlives_the_thread_that_started_it() {
    let folder = folder();
    let path = folder.path().to_owned();
    let mut postgres = std::thread::spawn(move || start_postgres(&path)).join().unwrap();
    std::thread::sleep(Duration::from_millis(200));
    assert!(postgres.failure().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_registry_keeps_its_schemas_over_stop_and_kill() {
    let folder = folder();
    let options = RegistryOptions::new(folder.path().join("registry"));
    let mut registry = Registry::start(&RegistryDownloads::ensure().unwrap(), &options).unwrap();
    let (subject, schema) =
        (format!("{}/subjects/a/versions", registry.url()), format!("{}/schemas/ids/1", registry.url()));
    let client = reqwest::Client::new();
    let body = serde_json::json!({ "schema": "\"string\"" });
    let registered = client.post(subject).json(&body).send().await.unwrap();
    assert_eq!(registered.text().await.unwrap(), r#"{"id":1}"#);
    for stop in [Registry::stop, Registry::kill] {
        stop(&mut registry).unwrap();
        assert!(client.get(&schema).send().await.is_err_and(|error| error.is_connect()));
        registry.restart().unwrap();
        let answer: serde_json::Value = client.get(&schema).send().await.unwrap().json().await.unwrap();
        assert_eq!(answer, body);
    }
}
