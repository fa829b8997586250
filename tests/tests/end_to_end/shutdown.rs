//! SIGTERM: finish what is in flight, tell Kafka, leave the group, end with 0.

use std::time::{Duration, Instant};

use end_to_end::harness::{PATIENCE, Stage, eventually};

#[tokio::test]
async fn sigterm_drains_and_tells_kafka_where_it_stands() {
    let stage = Stage::new().await;
    stage.produce("--orders 30000").await;
    let log_length = stage.log_length().await;
    let sql = stage.sql().await;
    let consumer = stage.program("consumer").env("BATCH_RECORDS", "1000").start();
    eventually("some applied", PATIENCE, async || {
        (stage.positions(&sql).await.values().sum::<i64>() > log_length / 10).then_some(())
    })
    .await;
    assert_eq!(consumer.terminate(Duration::from_secs(25)).await, 0);

    let positions = stage.positions(&sql).await;
    println!("stopped after {} of {log_length} offsets", positions.values().sum::<i64>());
    let mut started = positions.clone();
    started.retain(|_, position| *position > 0);
    let committed = stage.committed().await;
    for (partition, position) in &started {
        assert_eq!(
            committed.get(partition),
            Some(position),
            "partition {partition}: {committed:?} {positions:?}"
        );
    }
    // It has left the group: nobody has to wait for its session to expire (10 s).
    let again = Instant::now();
    stage.catch_up().await;
    println!("the next one was done after {:?}", again.elapsed());
    stage.check().await;
}

#[tokio::test]
async fn sigterm_ends_an_idle_consumer_at_once() {
    let stage = Stage::new().await;
    stage.create_topic(3).await;
    let mut consumer = stage.consumer();
    consumer.says("assigned", PATIENCE).await;
    let asked = Instant::now();
    assert_eq!(consumer.terminate(PATIENCE).await, 0);
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
}
