//! Fault 33: a flood of records that nobody can read.

use end_to_end::harness::{PATIENCE, Stage, raw};

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
    let letters: i64 = sql.query_one("SELECT count(*) FROM public.letters", &[]).await.unwrap().get(0);
    assert!(letters < 100, "{letters} letters");

    stage.program("consumer").args("--until-caught-up --no-breaker").succeed(PATIENCE).await;
    stage.check().await;
}

/// What a newcomer types wrong is a letter, and nothing else happens.
#[tokio::test]
async fn fault_33_single_bad_line_is_just_a_letter() {
    let stage = Stage::new().await;
    stage.create_topic(1).await;
    stage.send(vec![raw("OrderCreated ORD-1"), raw(r#"{"event":"OrderCreated","order_id":"ORD-1"}"#)]).await;
    stage.catch_up().await;
    stage.check().await;
}
