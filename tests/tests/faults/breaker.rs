//! Fault 33: a flood of records that nobody can read.

use end_to_end::harness::{PATIENCE, Sent, Stage, raw};
use local_stack::free_port;

use crate::support::{WAITS_FOR_A_LOCK, lanes_are, readiness};

const CIRCUIT_BREAKER: i32 = 5;

#[tokio::test]
async fn fault_33_flood_of_bad_records() {
    let stage = Stage::new().await;
    stage.create_topic(1).await;
    stage.send((0..300).map(|n| raw(format!("not an event {n}"))).collect()).await;
    let mut consumer = stage.program("consumer").args("--until-caught-up").start();
    assert_eq!(consumer.exit_code(PATIENCE).await, CIRCUIT_BREAKER);
    let log = consumer.log();
    assert!(log.contains("100 of the last 100 records") && log.contains("--no-breaker"), "{log}");
    let sql = stage.sql().await;
    let dead_letters: i64 =
        sql.query_one("SELECT count(*) FROM public.dead_letters", &[]).await.unwrap().get(0);
    assert!(dead_letters < 100, "{dead_letters} dead letters");

    stage.program("consumer").args("--until-caught-up --no-breaker").succeed(PATIENCE).await;
    stage.check().await;
}

/// While another lane still finishes what is in flight, the probe says what the process is ending of.
#[tokio::test]
async fn fault_33_the_reason_shows_in_health() {
    let stage = Stage::new().await;
    stage.create_topic(2).await;
    let on = |partition, value: String| Sent { partition: Some(partition), ..raw(value) };
    stage.send(vec![on(0, r#"{"event":"OrderCreated","order_id":"A"}"#.into())]).await;
    stage.catch_up().await;
    let lock = stage.sql().await;
    lock.batch_execute("BEGIN; SELECT FROM build_1.orders WHERE order_id = 'A' FOR UPDATE").await.unwrap();
    let health = format!("127.0.0.1:{}", free_port().unwrap());
    let mut consumer = stage.program("consumer").env("METRICS_LISTEN", &health).start();
    readiness(&health, true, PATIENCE).await;
    stage.send(vec![on(0, r#"{"event":"OrderPaid","order_id":"A"}"#.into())]).await;
    lanes_are(&stage.sql().await, 1, WAITS_FOR_A_LOCK).await;
    stage.send((0..300).map(|n| on(1, format!("not an event {n}"))).collect()).await;
    let body = readiness(&health, false, PATIENCE).await;
    assert!(body.contains("100 of the last 100 records cannot be read"), "{body}");
    lock.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(consumer.exit_code(PATIENCE).await, CIRCUIT_BREAKER);
    assert_eq!(stage.status(&lock, "A").await.as_deref(), Some("paid"), "what was in flight is done");
}

/// What a newcomer types wrong is a dead letter, and nothing else happens.
#[tokio::test]
async fn fault_33_single_bad_line_is_just_a_dead_letter() {
    let stage = Stage::new().await;
    stage.create_topic(1).await;
    stage.send(vec![raw("OrderCreated ORD-1"), raw(r#"{"event":"OrderCreated","order_id":"ORD-1"}"#)]).await;
    stage.catch_up().await;
    stage.check().await;
}
