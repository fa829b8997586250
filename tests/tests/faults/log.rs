//! Faults 17 and 22 to 26: faults of Kafka. Those about the identity of the log are in log_identity.rs.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use end_to_end::harness::{GIVE_UP_AFTER, OwnServer, Stage, eventually, free_address, raw};
use local_stack::Kafka;

use crate::support::{
    LOG_IDENTITY, count_dead_letters, events, events_named, hold_for, idle_consumer, wait_for_owners,
    wait_for_readiness, wait_until_all_applied, wait_until_applied,
};

async fn stage_on(kafka: &OwnServer<Kafka>, partitions: i32) -> Stage {
    let mut stage = Stage::new().await;
    stage.kafka.bootstrap_servers = kafka.bootstrap_servers();
    stage.create_topic(partitions).await;
    stage
}

/// The broker is killed and started again under load, twice.
#[tokio::test]
#[ignore = "slow: ./food-orders test --faults"]
async fn fault_17_broker_crashes_under_load() {
    let mut kafka = OwnServer::kafka();
    let stage = stage_on(&kafka, 6).await;
    let sql = stage.sql().await;
    let producer =
        stage.program("producer").args("--rate 2000 --time-compression 2000 --cancel-share 0.2").start();
    let mut consumer = stage.consumer();
    for round in 1..=2 {
        let before = stage.positions(&sql).await.values().sum::<i64>();
        wait_until_applied(&stage, &sql, before + 2000).await;
        kafka.kill().unwrap();
        kafka.restart().unwrap();
        println!("round {round}: killed after {before} offsets");
        assert!(!consumer.has_ended());
    }
    let before = stage.positions(&sql).await.values().sum::<i64>();
    wait_until_applied(&stage, &sql, before + 2000).await;
    assert_eq!(producer.terminate(GIVE_UP_AFTER).await, 0);
    assert_eq!(stage.check().await.dead_letters, 0);
    assert_eq!(consumer.terminate(GIVE_UP_AFTER).await, 0);
}

/// The broker is frozen, and later stopped. Readiness shows each within 30 s, and the recovery too.
#[tokio::test]
async fn fault_17_no_broker_for_a_while() {
    let mut kafka = OwnServer::kafka();
    let stage = stage_on(&kafka, 4).await;
    let health = free_address();
    let mut consumer = stage.program("consumer").env("METRICS_LISTEN", &health).start();
    wait_for_owners(&stage, 1).await;
    stage.send(events(0..400, 4)).await;
    wait_until_all_applied(&stage).await;
    kafka.pause();
    let body = wait_for_readiness(&health, false, Duration::from_secs(30)).await;
    assert!(body.contains("kafka"), "{body}");
    kafka.resume();
    wait_for_readiness(&health, true, GIVE_UP_AFTER).await;
    stage.send(events(400..800, 4)).await;
    wait_until_all_applied(&stage).await;

    kafka.stop().unwrap();
    wait_for_readiness(&health, false, Duration::from_secs(30)).await;
    kafka.restart().unwrap();
    wait_for_readiness(&health, true, GIVE_UP_AFTER).await;
    stage.send(events(800..1200, 4)).await;
    let report = stage.check().await;
    assert_eq!((report.records, report.dead_letters), (1200, 0));
    assert!(!consumer.has_ended());
    assert_eq!(consumer.terminate(GIVE_UP_AFTER).await, 0);
}

/// Further events of the orders go to partitions that did not exist when the orders began.
#[tokio::test]
async fn fault_22_partitions_added_while_running() {
    let stage = Stage::new().await;
    stage.create_topic(2).await;
    let consumer = idle_consumer(&stage).await;
    stage.send(events(0..200, 2)).await;
    wait_until_all_applied(&stage).await;
    stage.raise_partitions(6).await;
    eventually("the topic has six partitions", GIVE_UP_AFTER, async || {
        (stage.ends().await.len() == 6).then_some(())
    })
    .await;
    // The consumer has to read the new partitions from offset 0, records that came before it noticed them
    // included.
    stage.send(events_named("OrderShipped", 0..200, 6)).await;
    wait_for_owners(&stage, 1).await;
    let report = stage.check().await;
    assert_eq!((report.records, report.orders, report.dead_letters), (400, 200, 0));
    assert_eq!(stage.positions(&stage.sql().await).await, stage.ends().await);
    assert_eq!(consumer.terminate(GIVE_UP_AFTER).await, 0);
}

/// The file with the records of partition 0 on the broker's disk.
fn segment(kafka: &OwnServer<Kafka>, stage: &Stage) -> PathBuf {
    kafka.folder().join(format!("kafka/data/{}-0/00000000000000000000.log", stage.kafka.topic))
}

/// The end of the log is lost, as after the election of a leader that had not received it.
#[tokio::test]
async fn fault_23_log_truncated_under_a_running_consumer() {
    let mut kafka = OwnServer::kafka();
    let stage = stage_on(&kafka, 1).await;
    let mut consumer = idle_consumer(&stage).await;
    for round in 0..10 {
        stage.send(events(round * 100..(round + 1) * 100, 1)).await;
    }
    wait_until_all_applied(&stage).await;
    kafka.kill().unwrap();
    truncate(&segment(&kafka, &stage));
    kafka.restart().unwrap();
    let end = stage.ends().await[&0];
    assert!(end < 1000, "the log was not truncated: it ends at {end}");
    let before = stage.positions(&stage.sql().await).await;
    assert_eq!(consumer.exit_code(GIVE_UP_AFTER).await, LOG_IDENTITY, "{}", consumer.log());
    // The second one if the new end of the log did not arrive soon enough to explain it.
    let reasons = ["the log was truncated", "the log does not hold the offset to read next"];
    assert!(reasons.iter().any(|reason| consumer.log().contains(reason)), "{}", consumer.log());
    assert_eq!(stage.positions(&stage.sql().await).await, before, "the positions have to stay");
}

/// The end of the log is replaced while no consumer runs. Only the fingerprint of the last applied record
/// shows it.
#[tokio::test]
#[ignore = "slow: ./food-orders test --faults"]
async fn fault_23_log_truncated_and_longer_again() {
    let mut kafka = OwnServer::kafka();
    let stage = stage_on(&kafka, 1).await;
    for round in 0..10 {
        stage.send(events(round * 100..(round + 1) * 100, 1)).await;
    }
    stage.catch_up().await;
    kafka.kill().unwrap();
    truncate(&segment(&kafka, &stage));
    kafka.restart().unwrap();
    stage.send(events(5000..7000, 1)).await;
    assert!(stage.ends().await[&0] > 1000, "the log has to be longer than the positions again");
    let before = stage.positions(&stage.sql().await).await;
    let mut consumer = stage.consumer();
    assert_eq!(consumer.exit_code(GIVE_UP_AFTER).await, LOG_IDENTITY, "{}", consumer.log());
    assert!(consumer.log().contains("written again"), "{}", consumer.log());
    assert_eq!(stage.positions(&stage.sql().await).await, before, "the positions have to stay");
}

/// Cuts the file in half. The broker then removes the incomplete batch at its end and rebuilds the indexes.
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
    eventually("the lag is zero", GIVE_UP_AFTER, async || {
        (stage.positions(&sql).await == stage.ends().await).then_some(())
    })
    .await;
    assert_eq!(consumer.terminate(GIVE_UP_AFTER).await, 0);
    stage.send_in_transaction(events(300..320, 2), false).await;
    stage.catch_up().await;
    assert_eq!(stage.positions(&sql).await, stage.ends().await);
}

/// Records behind the open transaction wait until it ends; other partitions do not wait.
#[tokio::test]
async fn fault_25_open_transaction_holds_back_a_partition() {
    let stage = Stage::new().await;
    stage.create_topic(2).await;
    let sql = stage.sql().await;
    let consumer = idle_consumer(&stage).await;
    let open = events(0..1, 2);
    let transaction = stage.send_in_open_transaction(open).await;
    stage.send(events(2..402, 2)).await;
    eventually("the other partition is applied", GIVE_UP_AFTER, async || {
        (stage.positions(&sql).await.get(&1) == Some(&200)).then_some(())
    })
    .await;
    assert_eq!(
        stage.positions(&sql).await.get(&0),
        Some(&0),
        "records behind the open transaction have to wait"
    );
    transaction.commit().await;
    stage.wait_for_markers().await;
    let report = stage.check().await;
    assert_eq!((report.records, report.dead_letters), (401, 0));
    assert_eq!(consumer.terminate(GIVE_UP_AFTER).await, 0);
}

#[tokio::test]
#[ignore = "slow: ./food-orders test --faults"]
async fn fault_25_open_transaction_is_named_as_the_cause() {
    let stage = Stage::new().await;
    stage.create_topic(1).await;
    let health = free_address();
    let consumer = stage.program("consumer").env("METRICS_LISTEN", &health).start();
    wait_for_readiness(&health, true, GIVE_UP_AFTER).await;
    let transaction = stage.send_in_open_transaction(events(0..1, 1)).await;
    stage.send(events(1..5, 1)).await;
    let body = wait_for_readiness(&health, false, 3 * GIVE_UP_AFTER).await;
    assert!(body.contains("holds back 5 records from offset 0 on"), "{body}");
    transaction.commit().await;
    wait_for_readiness(&health, true, GIVE_UP_AFTER).await;
    stage.check().await;
    assert_eq!(consumer.terminate(GIVE_UP_AFTER).await, 0);
}

/// A bit is flipped on the broker's disk.
#[tokio::test]
async fn fault_26_corrupt_batch() {
    let mut kafka = OwnServer::kafka();
    let stage = stage_on(&kafka, 1).await;
    stage.send(vec![raw(r#"{"event":"OrderCreated","order_id":"FIRST"}"#)]).await;
    stage.catch_up().await;
    stage.send(vec![raw(r#"{"event":"OrderCreated","order_id":"SECOND"}"#)]).await;
    // Stopped cleanly, because after a kill the broker would check the batches itself and remove this one.
    kafka.stop().unwrap();
    let path = segment(&kafka, &stage);
    let mut bytes = fs::read(&path).unwrap();
    let at = bytes.windows(6).position(|window| window == b"SECOND").unwrap();
    bytes[at] ^= 1;
    fs::write(&path, bytes).unwrap();
    kafka.restart().unwrap();

    let mut consumer = stage.consumer();
    assert_eq!(consumer.exit_code(GIVE_UP_AFTER).await, LOG_IDENTITY, "{}", consumer.log());
    assert!(consumer.log().contains("CRC"), "{}", consumer.log());
    let sql = stage.sql().await;
    hold_for(Duration::from_millis(500)).await;
    assert_eq!(stage.positions(&sql).await[&0], 1, "the corrupt batch must be neither applied nor skipped");
    assert_eq!(count_dead_letters(&sql).await, 0);
}
