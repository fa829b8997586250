//! The tutorial's four lines, typed by hand into Kafka's own console producer.

use std::io::{PipeWriter, Write};

use end_to_end::harness::{GIVE_UP_AFTER, Stage};
use rand::seq::SliceRandom;

/// The lines that are typed, each with the status that it leads to.
const LINES: [(&str, &str); 4] = [
    (r#"{"event": "OrderCreated", "order_id": "ORD-001", "status": "pending"}"#, "pending"),
    (r#"{"event": "OrderPaid", "order_id": "ORD-001", "status": "paid"}"#, "paid"),
    (r#"{"event": "OrderShipped", "order_id": "ORD-001", "status": "shipped"}"#, "shipped"),
    (r#"{"event": "OrderDelivered", "order_id": "ORD-001", "status": "delivered"}"#, "delivered"),
];

fn type_line(typing: &mut PipeWriter, line: &str) {
    typing.write_all(format!("{line}\n").as_bytes()).unwrap();
}

async fn stage() -> Stage {
    let stage = Stage::new().await;
    stage.create_topic(6).await;
    stage
}

#[tokio::test]
async fn lines_typed_one_by_one_are_answered_by_the_api() {
    let stage = stage().await;
    let _consumer = stage.consumer();
    let (_console, mut typing) = stage.console_producer("");
    for (line, status) in LINES {
        type_line(&mut typing, line);
        stage.wait_for_status("ORD-001", status).await;
    }
    let api = stage.api().await;
    let order = api.get("/orders/ORD-001").await.ok().json();
    assert_eq!((order["status"].as_str(), order["order_id"].as_str()), (Some("delivered"), Some("ORD-001")));

    let history = api.get("/orders/ORD-001/history").await.ok().json();
    let records = history["records"].as_array().unwrap();
    let events: Vec<_> = records.iter().map(|record| record["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["OrderCreated", "OrderPaid", "OrderShipped", "OrderDelivered"]);

    // As of the append time of each record, the next one does not exist yet.
    for (record, (_, status)) in records.iter().zip(LINES) {
        let time = record["appended_at"].as_str().unwrap();
        let then = api.get(&format!("/orders/ORD-001?as_of={time}")).await.ok().json();
        assert_eq!(then["status"], status, "as of {time}");
    }
    stage.check_with(&api, 10).await;
}

#[tokio::test]
async fn lines_with_keys_are_applied() {
    let stage = stage().await;
    let _consumer = stage.consumer();
    let (mut console, mut typing) =
        stage.console_producer("--reader-property parse.key=true --reader-property key.separator=|");
    for (line, _) in LINES {
        type_line(&mut typing, &format!("ORD-001|{line}"));
    }
    drop(typing);
    assert_eq!(console.exit_code(GIVE_UP_AFTER).await, 0);
    stage.wait_for_status("ORD-001", "delivered").await;
    assert_eq!(stage.check().await.records, 4);
}

#[tokio::test]
async fn lines_in_any_order_and_partition_end_in_the_same_status() {
    let stage = stage().await;
    let _consumer = stage.consumer();
    let mut lines: Vec<String> = (1..=20)
        .flat_map(|order| LINES.map(|(line, _)| line.replace("ORD-001", &format!("ORD-{order:03}"))))
        .collect();
    lines.shuffle(&mut rand::rng());
    println!("typed: {lines:#?}");
    // The lines have no keys, and each is a batch of its own, so the partitions take turns.
    let round_robin = "--command-property partitioner.class=org.apache.kafka.clients.producer.RoundRobinPartitioner \
                       --command-property linger.ms=0";
    let (mut console, mut typing) = stage.console_producer(round_robin);
    for line in &lines {
        type_line(&mut typing, line);
    }
    drop(typing);
    assert_eq!(console.exit_code(GIVE_UP_AFTER).await, 0);
    for order in 1..=20 {
        stage.wait_for_status(&format!("ORD-{order:03}"), "delivered").await;
    }
    let report = stage.check().await;
    assert_eq!((report.records, report.orders), (80, 20));
    let used = stage.ends().await.values().filter(|end| **end > 0).count();
    assert!(used > 1, "all lines went to one partition, so this test has tested nothing");
}
