//! Fault 33: a flood of records that cannot be decoded.

use end_to_end::harness::{GIVE_UP_AFTER, NewRecord, Stage, free_address, raw};

use crate::support::{WAITS_FOR_A_LOCK, wait_for_lanes, wait_for_readiness, wait_for_reason};

const CIRCUIT_BREAKER: i32 = 5;

#[tokio::test]
async fn fault_33_flood_of_bad_records() {
    let stage = Stage::new().await;
    stage.create_topic(1).await;
    stage.send((0..300).map(|n| raw(format!("not an event {n}"))).collect()).await;
    let mut consumer = stage.program("consumer").args("--until-caught-up").start();
    assert_eq!(consumer.exit_code(GIVE_UP_AFTER).await, CIRCUIT_BREAKER);
    let log = consumer.log();
    assert!(log.contains("100 of the last 100 records") && log.contains("--no-breaker"), "{log}");
    let sql = stage.sql().await;
    let dead_letters: i64 =
        sql.query_one("SELECT count(*) FROM public.dead_letters", &[]).await.unwrap().get(0);
    assert!(dead_letters < 100, "{dead_letters} dead letters");

    stage.program("consumer").args("--until-caught-up --no-breaker").succeed(GIVE_UP_AFTER).await;
    stage.check().await;
}

/// The probe gives the reason while another lane still finishes what is in flight.
#[tokio::test]
async fn fault_33_reason_is_in_the_health_answer() {
    let stage = Stage::new().await;
    stage.create_topic(2).await;
    let on = |partition, value: String| NewRecord { partition: Some(partition), ..raw(value) };
    stage.send(vec![on(0, r#"{"event":"OrderCreated","order_id":"A"}"#.into())]).await;
    stage.catch_up().await;
    let lock = stage.sql().await;
    lock.batch_execute("BEGIN; SELECT FROM build_1.orders WHERE order_id = 'A' FOR UPDATE").await.unwrap();
    let health = free_address();
    let mut consumer = stage.program("consumer").env("METRICS_LISTEN", &health).start();
    wait_for_readiness(&health, true, GIVE_UP_AFTER).await;
    stage.send(vec![on(0, r#"{"event":"OrderPaid","order_id":"A"}"#.into())]).await;
    wait_for_lanes(&stage.sql().await, 1, WAITS_FOR_A_LOCK).await;
    stage.send((0..300).map(|n| on(1, format!("not an event {n}"))).collect()).await;
    wait_for_reason(&health, "100 of the last 100 records cannot be read", GIVE_UP_AFTER).await;
    lock.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(consumer.exit_code(GIVE_UP_AFTER).await, CIRCUIT_BREAKER);
    assert_eq!(
        stage.status(&lock, "A").await.as_deref(),
        Some("paid"),
        "what was in flight has to be committed"
    );
}

/// A newcomer's typing error becomes a dead letter, and has no other consequence.
#[tokio::test]
async fn fault_33_single_bad_record_does_not_stop_the_consumer() {
    let stage = Stage::new().await;
    stage.create_topic(1).await;
    stage.send(vec![raw("OrderCreated ORD-1"), raw(r#"{"event":"OrderCreated","order_id":"ORD-1"}"#)]).await;
    stage.catch_up().await;
    stage.check().await;
}
