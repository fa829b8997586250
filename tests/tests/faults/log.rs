//! Faults 17 and 22 to 26: what Kafka can do. Those about which log it is are in log_identity.rs.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use end_to_end::harness::{Own, PATIENCE, Stage, eventually, raw};
use local_stack::{Kafka, free_port};

use crate::support::{
    all_applied, applied, events, every_partition_has_an_owner, for_so_long, idle_consumer, readiness,
};

/// Exit code of a gap, and of another log.
const LOG_IDENTITY: i32 = 3;

async fn stage_on(kafka: &Own<Kafka>, partitions: i32) -> Stage {
    let mut stage = Stage::new().await;
    stage.kafka.bootstrap_servers = kafka.bootstrap_servers();
    stage.create_topic(partitions).await;
    stage
}

/// Killed and started again, under load.
#[tokio::test]
#[ignore = "slow: ./food-orders test --faults"]
async fn fault_17_broker_crashes_under_load() {
    let mut kafka = Own::kafka();
    let stage = stage_on(&kafka, 6).await;
    let sql = stage.sql().await;
    let producer =
        stage.program("producer").args("--rate 2000 --time-compression 2000 --cancel-share 0.2").start();
    let mut consumer = stage.consumer();
    for round in 1..=2 {
        let before = stage.positions(&sql).await.values().sum::<i64>();
        applied(&stage, &sql, before + 2000).await;
        kafka.kill().unwrap();
        kafka.restart().unwrap();
        println!("round {round}: killed after {before} offsets");
        assert!(!consumer.has_ended());
    }
    let before = stage.positions(&sql).await.values().sum::<i64>();
    applied(&stage, &sql, before + 2000).await;
    assert_eq!(producer.terminate(PATIENCE).await, 0);
    assert_eq!(stage.check().await.dead_letters, 0);
    assert_eq!(consumer.terminate(PATIENCE).await, 0);
}

/// Frozen, and stopped in good order: readiness says so within a bound, and that it is over.
#[tokio::test]
async fn fault_17_no_broker_for_a_while() {
    let mut kafka = Own::kafka();
    let stage = stage_on(&kafka, 4).await;
    let health = format!("127.0.0.1:{}", free_port().unwrap());
    let mut consumer = stage.program("consumer").env("METRICS_LISTEN", &health).start();
    every_partition_has_an_owner(&stage, 1).await;
    stage.send(events(0..400, 4)).await;
    all_applied(&stage).await;
    kafka.pause();
    let body = readiness(&health, false, Duration::from_secs(30)).await;
    assert!(body.contains("kafka"), "{body}");
    kafka.resume();
    readiness(&health, true, PATIENCE).await;
    stage.send(events(400..800, 4)).await;
    all_applied(&stage).await;

    kafka.stop().unwrap();
    readiness(&health, false, Duration::from_secs(30)).await;
    kafka.restart().unwrap();
    readiness(&health, true, PATIENCE).await;
    stage.send(events(800..1200, 4)).await;
    let report = stage.check().await;
    assert_eq!((report.records, report.dead_letters), (1200, 0));
    assert!(!consumer.has_ended());
    assert_eq!(consumer.terminate(PATIENCE).await, 0);
}

/// An order that is not keyed goes on in a partition that was not there when it began.
#[tokio::test]
async fn fault_22_partitions_added_while_running() {
    let stage = Stage::new().await;
    stage.create_topic(2).await;
    let consumer = idle_consumer(&stage).await;
    stage.send(events(0..200, 2)).await;
    all_applied(&stage).await;
    stage.raise_partitions(6).await;
    eventually("six partitions", PATIENCE, async || (stage.ends().await.len() == 6).then_some(())).await;
    // From offset 0, also what came before the consumer noticed.
    let mut later = events(0..200, 6);
    for event in &mut later {
        let text = String::from_utf8(event.value.take().unwrap()).unwrap();
        event.value = Some(text.replace("OrderCreated", "OrderShipped").into_bytes());
    }
    stage.send(later).await;
    every_partition_has_an_owner(&stage, 1).await;
    let report = stage.check().await;
    assert_eq!((report.records, report.orders, report.dead_letters), (400, 200, 0));
    assert_eq!(stage.positions(&stage.sql().await).await, stage.ends().await);
    assert_eq!(consumer.terminate(PATIENCE).await, 0);
}

/// Where a partition's records are on the broker's disk.
fn segment(kafka: &Own<Kafka>, stage: &Stage) -> PathBuf {
    kafka.folder().join(format!("kafka/data/{}-0/00000000000000000000.log", stage.kafka.topic))
}

/// The end of the log is gone, as after the election of a leader that had not got it yet.
#[tokio::test]
async fn fault_23_log_truncated_under_a_running_consumer() {
    let mut kafka = Own::kafka();
    let stage = stage_on(&kafka, 1).await;
    let mut consumer = idle_consumer(&stage).await;
    for round in 0..10 {
        stage.send(events(round * 100..(round + 1) * 100, 1)).await;
    }
    all_applied(&stage).await;
    kafka.kill().unwrap();
    truncate(&segment(&kafka, &stage));
    kafka.restart().unwrap();
    let end = stage.ends().await[&0];
    assert!(end < 1000, "{end}: nothing was truncated");
    let before = stage.positions(&stage.sql().await).await;
    assert_eq!(consumer.exit_code(PATIENCE).await, LOG_IDENTITY, "{}", consumer.log());
    assert!(consumer.log().contains("truncated"), "{}", consumer.log());
    assert_eq!(stage.positions(&stage.sql().await).await, before, "nothing was changed");
}

/// The end of the log was replaced before anybody looked: only the last applied record tells.
#[tokio::test]
#[ignore = "slow: ./food-orders test --faults"]
async fn fault_23_log_truncated_and_longer_again() {
    let mut kafka = Own::kafka();
    let stage = stage_on(&kafka, 1).await;
    for round in 0..10 {
        stage.send(events(round * 100..(round + 1) * 100, 1)).await;
    }
    stage.catch_up().await;
    kafka.kill().unwrap();
    truncate(&segment(&kafka, &stage));
    kafka.restart().unwrap();
    stage.send(events(5000..7000, 1)).await;
    assert!(stage.ends().await[&0] > 1000, "long enough again");
    let before = stage.positions(&stage.sql().await).await;
    let mut consumer = stage.consumer();
    assert_eq!(consumer.exit_code(PATIENCE).await, LOG_IDENTITY, "{}", consumer.log());
    assert!(consumer.log().contains("written anew"), "{}", consumer.log());
    assert_eq!(stage.positions(&stage.sql().await).await, before, "nothing was changed");
}

/// Half of the file. The broker cuts off the batch that is not whole, and makes the indexes anew.
fn truncate(segment: &std::path::Path) {
    let length = fs::metadata(segment).unwrap().len();
    fs::OpenOptions::new().write(true).open(segment).unwrap().set_len(length / 2).unwrap();
}

#[tokio::test]
async fn fault_24_markers_and_aborted_records_at_the_end() {
    let stage = Stage::new().await;
    stage.create_topic(2).await;
    let consumer = idle_consumer(&stage).await;
    for round in 0..5 {
        let first = round * 60;
        stage.send(events(first..first + 20, 2)).await;
        stage.send_in_transaction(events(first + 20..first + 40, 2), true).await;
        stage.send_in_transaction(events(first + 40..first + 60, 2), false).await;
    }
    let report = stage.check().await;
    assert_eq!((report.records, report.dead_letters), (200, 0));
    let sql = stage.sql().await;
    let ends = stage.ends().await;
    eventually("lag zero", PATIENCE, async || (stage.positions(&sql).await == ends).then_some(())).await;
    assert_eq!(consumer.terminate(PATIENCE).await, 0);
    stage.send_in_transaction(events(300..320, 2), false).await;
    stage.catch_up().await;
    assert_eq!(stage.positions(&sql).await, stage.ends().await);
}

/// What lies behind it waits, other partitions do not; what is applied is in order once it ends.
#[tokio::test]
async fn fault_25_open_transaction_holds_back_a_partition() {
    let stage = Stage::new().await;
    stage.create_topic(2).await;
    let sql = stage.sql().await;
    let consumer = idle_consumer(&stage).await;
    let open = events(0..1, 2);
    let transaction = stage.send_in_open_transaction(open).await;
    stage.send(events(2..402, 2)).await;
    eventually("the other partition applied", PATIENCE, async || {
        (stage.positions(&sql).await.get(&1) == Some(&200)).then_some(())
    })
    .await;
    assert_eq!(stage.positions(&sql).await.get(&0), Some(&0), "nothing from behind the open transaction");
    transaction.commit().await;
    let report = stage.check().await;
    assert_eq!((report.records, report.dead_letters), (401, 0));
    assert_eq!(consumer.terminate(PATIENCE).await, 0);
}

#[tokio::test]
#[ignore = "slow: ./food-orders test --faults"]
async fn fault_25_open_transaction_is_named_as_the_cause() {
    let stage = Stage::new().await;
    stage.create_topic(1).await;
    let health = format!("127.0.0.1:{}", free_port().unwrap());
    let consumer = stage.program("consumer").env("METRICS_LISTEN", &health).start();
    readiness(&health, true, PATIENCE).await;
    let transaction = stage.send_in_open_transaction(events(0..1, 1)).await;
    stage.send(events(1..5, 1)).await;
    let body = readiness(&health, false, 3 * PATIENCE).await;
    assert!(body.contains("holds back 5 records from offset 0 on"), "{body}");
    transaction.commit().await;
    readiness(&health, true, PATIENCE).await;
    stage.check().await;
    assert_eq!(consumer.terminate(PATIENCE).await, 0);
}

/// Flipped bits on the broker's disk.
#[tokio::test]
async fn fault_26_corrupt_batch() {
    let mut kafka = Own::kafka();
    let stage = stage_on(&kafka, 1).await;
    stage.send(vec![raw(r#"{"event":"OrderCreated","order_id":"FIRST"}"#)]).await;
    stage.catch_up().await;
    stage.send(vec![raw(r#"{"event":"OrderCreated","order_id":"SECOND"}"#)]).await;
    // In good order: after a kill the broker would look at the batches itself, and cut this one off.
    kafka.stop().unwrap();
    let path = segment(&kafka, &stage);
    let mut bytes = fs::read(&path).unwrap();
    let at = bytes.windows(6).position(|window| window == b"SECOND").unwrap();
    bytes[at] ^= 1;
    fs::write(&path, bytes).unwrap();
    kafka.restart().unwrap();

    let mut consumer = stage.consumer();
    assert_eq!(consumer.exit_code(PATIENCE).await, LOG_IDENTITY, "{}", consumer.log());
    assert!(consumer.log().contains("CRC"), "{}", consumer.log());
    let sql = stage.sql().await;
    for_so_long(Duration::from_millis(500)).await;
    assert_eq!(stage.positions(&sql).await[&0], 1, "nothing of it was applied, and nothing skipped");
    assert_eq!(crate::support::dead_letters(&sql).await, 0);
}
