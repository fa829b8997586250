//! Faults 45 and 46: records of any shape that a client can write.

use end_to_end::harness::{GIVE_UP_AFTER, Stage, free_address, raw};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use reqwest::Method;

use crate::kafka_proxy::Proxy as KafkaProxy;
use crate::raw_producer::{RawRecord, send_raw};
use crate::support::{idle_consumer, wait_for_owners, wait_for_readiness, wait_until_all_applied};

const COUNT: usize = 100_000;
const CODECS: [&str; 5] = ["none", "gzip", "snappy", "lz4", "zstd"];

/// A topic that takes large records and any time stamp.
async fn create_topic(stage: &Stage) {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", &stage.kafka.bootstrap_servers).create().unwrap();
    let topic = NewTopic::new(&stage.kafka.topic, 1, TopicReplication::Fixed(-1))
        .set("message.timestamp.type", "CreateTime")
        .set("message.timestamp.after.max.ms", "9223372036854775807")
        .set("max.message.bytes", "62000000")
        .set("retention.ms", "-1");
    admin.create_topics([&topic], &AdminOptions::new()).await.unwrap()[0].as_ref().unwrap();
}

fn event(order: usize, members: &str) -> RawRecord {
    let value = format!(r#"{{"event":"OrderCreated","order_id":"O-{order}"{members}}}"#);
    RawRecord { value: Some(value.into()), ..RawRecord::default() }
}

fn with_headers(record: RawRecord, name: &[u8], value: Option<&[u8]>, count: usize) -> RawRecord {
    RawRecord { headers: vec![(name.to_vec(), value.map(<[u8]>::to_vec)); count], ..record }
}

/// Each record with the cause of its dead letter, if it becomes one.
fn records() -> Vec<(RawRecord, Option<&'static str>)> {
    let nested = |depth| format!(r#","x":{}{}"#, "[".repeat(depth), "]".repeat(depth));
    let text = |value: String| RawRecord { value: Some(value.into()), ..RawRecord::default() };
    let fields: String = (0..COUNT).map(|n| format!(r#","{n:x}":1"#)).collect();
    let at = |order, millis| RawRecord { millis, ..event(order, "") };
    let no_json = text("{".into());
    vec![
        (with_headers(event(1, ""), b"\xff\xfe", Some(b"\xfd"), 1), None),
        (with_headers(event(2, ""), b"", None, 3), None),
        (with_headers(no_json, b"a\\\xff", Some(b"\0\xfe\\"), 1), Some("bad_json")),
        (with_headers(event(3, ""), b"schema-version", Some(b"1"), COUNT / 2), None),
        (with_headers(event(4, ""), b"h", Some(b"1"), COUNT), None),
        (with_headers(event(5, ""), b"h", Some(b"1"), COUNT + 1), Some("too_large")),
        (with_headers(event(6, ""), b"huge", Some(&vec![b'v'; 48 << 20]), 1), Some("too_large")),
        (RawRecord { key: Some(vec![0xff; 1_000_000]), ..event(7, "") }, Some("too_large")),
        (RawRecord { key: Some(vec![0xff, 0]), ..event(8, "") }, None),
        (RawRecord { key: Some(Vec::new()), ..event(9, "") }, None),
        (RawRecord::default(), Some("empty_value")),
        (at(10, -1), None),
        (at(11, -5_000_000_000_000), None),
        (at(12, i64::MIN), None),
        (at(13, i64::MAX), None),
        (event(14, &nested(COUNT)), Some("out_of_range")),
        (event(18, &nested(100)), None),
        (event(19, &nested(101)), Some("out_of_range")),
        (text(format!("[{}1]", "1,".repeat(COUNT))), Some("wrong_type")),
        (text(r#"{"x":"#.repeat(COUNT)), Some("bad_json")),
        (event(15, &fields), None),
        (event(16, &r#","a":1"#.repeat(COUNT)), None),
        (event(17, &format!(r#","event":"{}""#, "\\u0001".repeat(COUNT))), Some("unknown_event")),
    ]
}

/// Memory stays bounded, every record has its outcome, and every reader of the log passes them: the consumer, its
/// comparison with the last record, the rebuild with its verification, and the API.
#[tokio::test]
async fn fault_45_records_of_any_shape() {
    let stage = Stage::new().await;
    create_topic(&stage).await;
    let mut consumer = idle_consumer(&stage).await;
    let (mut causes, mut good) = (Vec::new(), 0);
    for (number, (record, cause)) in records().into_iter().enumerate() {
        send_raw(&stage, CODECS[number % CODECS.len()], vec![record, event(100 + number, "")]).await;
        causes.extend(cause);
        good += 1 + usize::from(cause.is_none());
    }
    // A batch that is larger than what the consumer takes at once, and control records.
    let large = (0..12).map(|n| event(200 + n, &format!(r#","note":"{}""#, "x".repeat(900_000)))).collect();
    send_raw(&stage, "lz4", large).await;
    stage.send_in_transaction(vec![raw(r#"{"event":"OrderPaid","order_id":"O-1"}"#)], true).await;
    stage.send_in_transaction(vec![raw(r#"{"event":"OrderPaid","order_id":"O-2"}"#)], false).await;
    // The record that is compared at the next start.
    send_raw(&stage, "none", vec![with_headers(event(300, ""), b"\xff", None, 1)]).await;
    wait_until_all_applied(&stage).await;
    let peak = consumer.peak_memory_mib();
    println!("peak memory of the consumer: {peak} MiB");
    assert!(!consumer.has_ended() && peak < 256, "{peak} MiB");

    let report = stage.check().await;
    assert_eq!((report.dead_letters, report.history_rows), (causes.len(), good + 12 + 1 + 1));
    let sql = stage.sql().await;
    let rows =
        "SELECT cause, length(error), pg_column_size(headers) FROM public.dead_letters ORDER BY \"offset\"";
    let rows = sql.query(rows, &[]).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.get(0)).collect::<Vec<&str>>(), causes);
    assert!(rows.iter().all(|row| row.get::<_, i32>(1) <= 1024 && row.get::<_, i32>(2) < 200_000));
    assert_eq!(consumer.terminate(GIVE_UP_AFTER).await, 0);

    stage.catch_up().await;
    stage.program("replay-rebuild").succeed(5 * GIVE_UP_AFTER).await;
    assert_eq!(stage.check().await.dead_letters, causes.len());
    let api = stage.api().await;
    let token = Some(end_to_end::harness::TOKEN);
    let dead_letters = api.request(Method::GET, "/dead-letters?limit=100", token, "").await.ok().json();
    let first = &dead_letters["dead_letters"][0];
    assert_eq!(first["headers"][0]["name"], r"a\\\xff", "{first}");
    assert_eq!(first["headers"][0]["value"], r"\x00\xfe\\");
    for path in ["/orders/O-18", "/orders/O-18/history", "/orders/O-18?as_of_offsets=0=50", "/orders/O-16"] {
        let answer = api.get(path).await.ok();
        assert!(answer.body.contains(r#""details":{"#), "{path}: {}", answer.body);
    }
}

/// What is being fetched is not thrown away, however long it takes; nor is the last record, which is fetched once more
/// at the next start.
#[tokio::test]
async fn fault_46_slow_link_and_a_large_batch() {
    const BYTES: usize = 5 << 20;
    let stage = Stage::new().await;
    create_topic(&stage).await;
    let proxy = KafkaProxy::before(&stage.kafka.bootstrap_servers).await;
    let consumer = || {
        stage
            .program("consumer")
            .env("KAFKA_BOOTSTRAP_SERVERS", proxy.address.to_string())
            .env("MAX_RECORD_BYTES", "10000000")
    };
    let first = consumer().start();
    wait_for_owners(&stage, 1).await;
    proxy.limit_rate(500_000);
    let before = proxy.passed_bytes();
    send_raw(&stage, "none", vec![event(1, &format!(r#","note":"{}""#, "x".repeat(BYTES)))]).await;
    wait_until_all_applied(&stage).await;
    let passed = proxy.passed_bytes() - before;
    assert!(passed < (BYTES + BYTES / 4) as u64, "{passed} bytes for a batch of {BYTES}");
    assert_eq!(stage.check_at(10_000_000).await.history_rows, 1);
    assert_eq!(first.terminate(GIVE_UP_AFTER).await, 0);

    let address = free_address();
    let mut again = consumer().env("METRICS_LISTEN", &address).start();
    again.wait_for_log("the records that were applied last", GIVE_UP_AFTER).await;
    let health = wait_for_readiness(&address, false, GIVE_UP_AFTER).await;
    assert!(health.contains("the records that were applied last in partitions 0"), "{health}");
    wait_for_readiness(&address, true, GIVE_UP_AFTER).await;
    assert_eq!(again.terminate(GIVE_UP_AFTER).await, 0);
}
