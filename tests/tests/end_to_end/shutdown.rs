//! On SIGTERM, a consumer finishes what is in flight, commits its group offsets, leaves the group, and ends
//! with exit code 0.

use std::time::{Duration, Instant};

use end_to_end::harness::{GIVE_UP_AFTER, Stage, eventually};

#[tokio::test]
async fn sigterm_drains_the_consumer_and_commits_the_group_offsets() {
    let stage = Stage::new().await;
    stage.produce("--orders 30000").await;
    let log_length = stage.log_length().await;
    let sql = stage.sql().await;
    let consumer = stage.program("consumer").env("BATCH_RECORDS", "1000").start();
    eventually("a tenth of the log is applied", GIVE_UP_AFTER, async || {
        (stage.positions(&sql).await.values().sum::<i64>() > log_length / 10).then_some(())
    })
    .await;
    assert_eq!(consumer.terminate(Duration::from_secs(25)).await, 0);

    let positions = stage.positions(&sql).await;
    println!("stopped after {} of {log_length} offsets", positions.values().sum::<i64>());
    let mut started = positions.clone();
    started.retain(|_, position| *position > 0);
    let committed = stage.group_offsets().await;
    for (partition, position) in &started {
        assert_eq!(
            committed.get(partition),
            Some(position),
            "partition {partition}: {committed:?} {positions:?}"
        );
    }
    // The consumer has left the group, so that the next one need not wait for its session to expire (10 s).
    let again = Instant::now();
    stage.catch_up().await;
    println!("the next consumer caught up within {:?}", again.elapsed());
    stage.check().await;
}

#[tokio::test]
async fn sigterm_ends_an_idle_consumer_immediately() {
    let stage = Stage::new().await;
    stage.create_topic(3).await;
    let mut consumer = stage.consumer();
    consumer.wait_for_log("assigned", GIVE_UP_AFTER).await;
    let asked = Instant::now();
    assert_eq!(consumer.terminate(GIVE_UP_AFTER).await, 0);
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
}
