//! Faults 18 to 21: the log does not fit the positions. The consumer stops and says why.

use std::path::Path;

use end_to_end::harness::{GIVE_UP_AFTER, NewRecord, Stage, raw};
use local_stack::{Downloads, Kafka, KafkaOptions};

use crate::support::LOG_IDENTITY;

fn event(order: u32) -> NewRecord {
    let mut event = raw(format!(r#"{{"event":"OrderCreated","order_id":"O-{order}"}}"#));
    event.partition = Some(0);
    event
}

/// A stage with ten applied records.
async fn stage() -> Stage {
    let stage = Stage::new().await;
    stage.create_topic(1).await;
    stage.send((0..10).map(event).collect()).await;
    stage.catch_up().await;
    stage
}

/// Starts a consumer, which has to refuse the log and to log all these words.
async fn expect_refusal(stage: &Stage, words: &[&str]) {
    let before = stage.positions(&stage.sql().await).await;
    let mut consumer = stage.consumer();
    assert_eq!(consumer.exit_code(GIVE_UP_AFTER).await, LOG_IDENTITY);
    let log = consumer.log();
    for word in words {
        assert!(log.contains(word), "{word:?} is not logged:\n{log}");
    }
    assert_eq!(stage.positions(&stage.sql().await).await, before, "the positions have to stay");
}

#[tokio::test]
async fn fault_18_records_deleted_before_they_were_applied() {
    let stage = stage().await;
    stage.send((10..30).map(event).collect()).await;
    stage.delete_records(0, 15).await;
    expect_refusal(&stage, &["gap", "partition 0", "10", "14", "15"]).await;
}

/// Accepting a gap is a decision, and is recorded as one.
#[tokio::test]
async fn a_gap_is_skipped_only_by_a_decision_with_its_exact_offsets() {
    let stage = stage().await;
    stage.send((10..30).map(event).collect()).await;
    stage.delete_records(0, 15).await;
    for wrong in ["0=10..14", "0=11..15"] {
        let mut consumer = stage.program("consumer").args(&format!("--accept-gap {wrong}")).start();
        assert_eq!(consumer.exit_code(GIVE_UP_AFTER).await, LOG_IDENTITY, "{}", consumer.log());
    }
    for _ in 0..2 {
        let consumer = stage.program("consumer").args("--until-caught-up --accept-gap 0=10..15");
        consumer.succeed(GIVE_UP_AFTER).await;
    }
    let sql = stage.sql().await;
    assert_eq!(stage.positions(&sql).await[&0], 30);
    let decisions = "SELECT kind, partition, from_offset, to_offset FROM public.decisions";
    let rows = sql.query(decisions, &[]).await.unwrap();
    let all: Vec<(String, i32, i64, i64)> =
        rows.iter().map(|row| (row.get(0), row.get(1), row.get(2), row.get(3))).collect();
    assert_eq!(all, [("accept_gap".to_owned(), 0, 10, 15)]);
    let applied = "SELECT array_agg(\"offset\" ORDER BY 1) FROM public.order_history";
    let offsets: Vec<i64> = sql.query_one(applied, &[]).await.unwrap().get(0);
    assert_eq!(offsets, (0..10).chain(15..30).collect::<Vec<_>>());
}

#[tokio::test]
async fn fault_18_records_deleted_after_they_were_applied_are_no_gap() {
    let stage = stage().await;
    stage.delete_records(0, 10).await;
    stage.send((10..20).map(event).collect()).await;
    stage.catch_up().await;
    assert_eq!(stage.positions(&stage.sql().await).await[&0], 20);
}

#[tokio::test]
async fn fault_18_first_start_on_a_log_that_begins_later() {
    let stage = Stage::new().await;
    stage.create_topic(1).await;
    stage.send((0..10).map(event).collect()).await;
    stage.delete_records(0, 4).await;
    let mut consumer = stage.consumer();
    assert_eq!(consumer.exit_code(GIVE_UP_AFTER).await, LOG_IDENTITY);
    let log = consumer.log();
    assert!(log.contains("gap") && log.contains("0 to 3"), "{log}");
}

#[tokio::test]
async fn fault_19_topic_recreated_and_shorter() {
    let stage = stage().await;
    stage.delete_topic().await;
    stage.create_topic(1).await;
    stage.send((0..5).map(event).collect()).await;
    expect_refusal(&stage, &["created again"]).await;
}

/// The new topic is longer than the position, so that only its id shows the difference.
#[tokio::test]
async fn fault_20_topic_recreated_and_longer() {
    let stage = stage().await;
    stage.delete_topic().await;
    stage.create_topic(1).await;
    stage.send((0..20).map(event).collect()).await;
    expect_refusal(&stage, &["created again"]).await;
}

#[tokio::test]
async fn fault_20_topic_deleted_under_a_running_consumer() {
    let stage = stage().await;
    let mut consumer = stage.consumer();
    consumer.wait_for_log("assigned", GIVE_UP_AFTER).await;
    stage.delete_topic().await;
    assert_eq!(consumer.exit_code(GIVE_UP_AFTER).await, LOG_IDENTITY, "{}", consumer.log());
}

/// The other cluster has a longer topic of the same name, so that only the cluster's id shows the difference.
#[tokio::test]
async fn fault_21_another_cluster() {
    let mut stage = stage().await;
    let folder = tempfile::TempDir::new().unwrap();
    let other = start(&folder.path().join("kafka")).await;
    stage.kafka.bootstrap_servers = other.bootstrap_servers();
    stage.create_topic(1).await;
    stage.send((0..20).map(event).collect()).await;
    expect_refusal(&stage, &["cluster"]).await;
    stop(other).await;
}

/// The broker has lost its last records and received others in their place. All ids and watermarks are as
/// expected; only the record that was applied last is another one.
#[tokio::test]
async fn a_log_whose_end_was_replaced_is_refused() {
    let mut stage = Stage::new().await;
    let folder = tempfile::TempDir::new().unwrap();
    let (data, backup) = (folder.path().join("kafka"), folder.path().join("backup"));
    let kafka = start(&data).await;
    stage.kafka.bootstrap_servers = kafka.bootstrap_servers();
    stage.create_topic(1).await;
    stage.send((0..10).map(event).collect()).await;
    stop(kafka).await;
    copy(&data, &backup);

    let kafka = start(&data).await;
    stage.kafka.bootstrap_servers = kafka.bootstrap_servers();
    stage.send((10..20).map(event).collect()).await;
    stage.catch_up().await;
    stop(kafka).await;
    std::fs::remove_dir_all(&data).unwrap();
    copy(&backup, &data);

    let kafka = start(&data).await;
    stage.kafka.bootstrap_servers = kafka.bootstrap_servers();
    stage.send((100..115).map(event).collect()).await;
    expect_refusal(&stage, &["partition 0", "19:", "a different one now"]).await;
    stop(kafka).await;
}

async fn start(data: &Path) -> Kafka {
    let data = data.to_owned();
    let start = || Kafka::start(&Downloads::ensure().unwrap(), &KafkaOptions::new(data)).unwrap();
    tokio::task::spawn_blocking(start).await.unwrap()
}

/// Stops it cleanly, so that everything is on disk.
async fn stop(mut kafka: Kafka) {
    tokio::task::spawn_blocking(move || kafka.stop().unwrap()).await.unwrap();
}

fn copy(from: &Path, to: &Path) {
    let copied = std::process::Command::new("cp").arg("-a").args([from, to]).status().unwrap();
    assert!(copied.success());
}

/// The gap appears after the consumer's first check of the log.
#[tokio::test]
async fn fault_18_gap_opens_under_a_running_consumer() {
    let stage = stage().await;
    let sql = stage.sql().await;
    // A lock on the build's row keeps the consumer from claiming partitions.
    sql.batch_execute("BEGIN; SELECT FROM public.builds FOR UPDATE").await.unwrap();
    let mut consumer = stage.consumer();
    consumer.wait_for_log("joining the group", GIVE_UP_AFTER).await;
    stage.send((10..30).map(event).collect()).await;
    stage.delete_records(0, 15).await;
    sql.batch_execute("COMMIT").await.unwrap();
    assert_eq!(consumer.exit_code(GIVE_UP_AFTER).await, LOG_IDENTITY, "{}", consumer.log());
}
