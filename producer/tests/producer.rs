//! The program from outside: flags go in, records and an exit code come out.

mod program;

use std::collections::{BTreeMap, BTreeSet};

use nix::sys::signal::Signal;
use orders::{EventType, lifecycle};
use program::{Producer, Topic};

#[tokio::test]
async fn orders_live_their_lives_in_the_topic() {
    let topic = Topic::fresh().await;
    let flags = ["--rate", "0", "--orders", "60", "--cancel-share", "0.3", "--seed", "1"];
    let end = Producer::start(&topic, &flags).end();
    assert_eq!(end.code, Some(0), "{}", end.log);
    let records = topic.read().await;
    let mut lives: BTreeMap<String, Vec<(i32, EventType)>> = BTreeMap::new();
    for record in &records {
        let event = record.decode();
        assert_eq!(record.key.as_deref(), Some(&*event.order_id));
        assert!(event.event_id.is_some());
        lives.entry(event.order_id.into()).or_default().push((event.fact.sequence, event.fact.event));
    }
    let ids: Vec<_> = lives.keys().cloned().collect();
    assert_eq!((ids.len(), ids[0].as_str(), ids[59].as_str()), (60, "ORD-000001", "ORD-000060"));
    for life in lives.values() {
        // All records of an order are in one partition, so they are read in their order.
        let mut status = None;
        for ((sequence, event), expected) in life.iter().zip(1..) {
            assert!(*sequence == expected && lifecycle::allows(status, *event), "{life:?}");
            status = Some(event.status());
        }
    }
    assert!(end.log.contains(&format!("events={}", records.len())), "{}", end.log);
    assert!(end.log.contains("orders=60") && end.log.contains("unacknowledged=0"), "{}", end.log);
}

#[tokio::test]
async fn a_second_run_goes_on_with_new_orders() {
    let topic = Topic::fresh().await;
    let mut created = BTreeSet::new();
    for _ in 0..3 {
        let end = Producer::start(&topic, &["--rate", "0", "--orders", "20"]).end();
        assert_eq!(end.code, Some(0), "{}", end.log);
    }
    for record in topic.read().await {
        let event = record.decode();
        if event.fact.event == EventType::OrderCreated {
            assert!(created.insert(event.order_id.into_owned()), "placed twice");
        }
    }
    assert_eq!(created.len(), 60);
}

#[tokio::test]
async fn the_same_seed_writes_the_same_bytes() {
    let flags = [
        "--rate=0",
        "--orders=50",
        "--seed=7",
        "--start-at-id=123",
        "--cancel-share=0.2",
        "--duplicate-share=0.5",
        "--simulate-from=2026-01-01T12:00:00Z",
    ];
    let mut runs = Vec::new();
    for _ in 0..2 {
        let topic = Topic::fresh().await;
        let end = Producer::start(&topic, &flags).end();
        assert_eq!(end.code, Some(0), "{}", end.log);
        runs.push(topic.read().await);
    }
    assert_eq!(runs[0], runs[1]);
    assert!(runs[0].iter().any(|record| &*record.decode().order_id == "ORD-000123"));
    let distinct: BTreeSet<_> = runs[0].iter().map(|record| &record.value).collect();
    assert!(distinct.len() < runs[0].len(), "some events come twice");
}

#[tokio::test]
async fn five_records_per_order_make_a_round_number() {
    let topic = Topic::fresh().await;
    let flags = ["--rate=0", "--orders=100", "--cancel-share=0", "--duplicate-share=1"];
    assert_eq!(Producer::start(&topic, &flags).end().code, Some(0));
    assert_eq!(topic.read().await.len(), 500);
}

#[tokio::test]
async fn records_can_be_keyed_by_customer() {
    let topic = Topic::fresh().await;
    let end = Producer::start(&topic, &["--rate=0", "--orders=10", "--key=customer"]).end();
    assert_eq!(end.code, Some(0), "{}", end.log);
    let mut customers: BTreeMap<String, String> = BTreeMap::new();
    for record in topic.read().await {
        let key = record.key.clone().unwrap();
        assert!(key.starts_with("CUST-"), "{key}");
        assert_eq!(customers.entry(record.decode().order_id.into()).or_insert(key.clone()), &key);
    }
}

#[tokio::test]
async fn transactions_are_committed_to_the_last_one() {
    let topic = Topic::fresh().await;
    let flags = ["--rate=0", "--orders=30", "--cancel-share=0", "--transactional"];
    let end = Producer::start(&topic, &flags).end();
    assert_eq!(end.code, Some(0), "{}", end.log);
    assert_eq!(topic.read().await.len(), 120);
}

#[tokio::test]
async fn a_signal_ends_it_with_everything_written() {
    for (signal, flags) in
        [(Signal::SIGTERM, &["--rate=200"][..]), (Signal::SIGINT, &["--rate=0", "--transactional"])]
    {
        let topic = Topic::fresh().await;
        let producer = Producer::start(&topic, flags);
        topic.wait_for_records(100).await;
        producer.signal(signal);
        let end = producer.end();
        assert_eq!(end.code, Some(0), "{}", end.log);
        let written = topic.read().await.len();
        assert!(end.log.contains(&format!(" events={written} ")), "{written}: {}", end.log);
        assert!(end.log.contains("stopped"), "{}", end.log);
    }
}

/// A script must not take half of the orders for all of them.
#[tokio::test]
async fn a_signal_before_the_last_order_is_not_success() {
    for (signal, code) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
        let topic = Topic::fresh().await;
        let producer = Producer::start(&topic, &["--rate=200", "--orders=1000000"]);
        topic.wait_for_records(20).await;
        producer.signal(signal);
        let end = producer.end();
        assert_eq!(end.code, Some(code), "{}", end.log);
        assert!(end.log.contains("not all of the 1000000 orders are written"), "{}", end.log);
        let written = topic.read().await.len();
        assert!(end.log.contains(&format!(" events={written} ")), "{written}: {}", end.log);
    }
}

#[tokio::test]
async fn wrong_settings_end_with_2_and_name_the_flag() {
    for (flags, named) in [
        (&["--rate=-1"][..], "--rate"),
        (&["--cancel-share=1.5"], "--cancel-share"),
        (&["--duplicate-share=NaN"], "--duplicate-share"),
        (&["--time-compression=0"], "--time-compression"),
        (&["--orders=many"], "--orders"),
        (&["--key=courier"], "--key"),
        (&["--simulate-from=yesterday"], "--simulate-from"),
        (&["--kafka-topic=a b"], "KAFKA_TOPIC"),
        (&["--no-such-flag"], "--no-such-flag"),
    ] {
        let end = Producer::start(&Topic::nowhere(), flags).end();
        assert_eq!(end.code, Some(2), "{flags:?}: {}", end.log);
        // The message is for whoever typed the command, so it is not a line of the log.
        assert!(end.log.starts_with("error: ") && end.log.contains(named), "{flags:?}: {}", end.log);
    }
}

#[tokio::test]
async fn a_taken_metrics_address_ends_with_2() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let end = Producer::start(&Topic::nowhere(), &["--metrics-listen", &address]).end();
    assert_eq!(end.code, Some(2), "{}", end.log);
    assert!(end.log.starts_with(&format!("error: METRICS_LISTEN is {address}, which cannot")), "{}", end.log);
}

#[tokio::test]
async fn a_signal_ends_the_wait_for_a_broker() {
    let listen = format!("127.0.0.1:{}", local_stack::free_port().unwrap());
    let producer = Producer::start(&Topic::nowhere(), &["--metrics-listen", &listen]);
    program::wait_for_listener(&listen).await;
    producer.signal(Signal::SIGTERM);
    let end = producer.end();
    assert_eq!(end.code, Some(0), "{}", end.log);
}

#[tokio::test]
async fn without_a_broker_it_says_so_and_ends_with_1() {
    let end = Producer::start(&Topic::nowhere(), &["--orders=1"]).end();
    assert_eq!(end.code, Some(1), "{}", end.log);
    for part in ["no Kafka broker answers at 127.0.0.1:1", "KAFKA_BOOTSTRAP_SERVERS"] {
        assert!(end.log.contains(part), "{}", end.log);
    }
}

#[test]
fn the_help_is_what_the_documentation_shows() {
    let output =
        std::process::Command::new(env!("CARGO_BIN_EXE_producer")).arg("--help").env_clear().output();
    insta::assert_snapshot!("help", String::from_utf8(output.unwrap().stdout).unwrap());
}
