//! Faults 1 to 6: who may write a partition, and from where.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use end_to_end::harness::{Network, PATIENCE, Proxy, Stage, eventually};
use nix::sys::signal::Signal;

use crate::support::{
    Blocker, WAITS_FOR_A_LOCK, WAITS_FOR_ITS_CLIENT, all_applied, applied, events,
    every_partition_has_an_owner, for_so_long, idle_consumer, lanes_are,
};

/// With the position rows locked, by a session that no time-out of PostgreSQL ends.
#[tokio::test]
async fn fault_01_frozen_owner_in_the_middle_of_copy() {
    let stage = Stage::new().await;
    stage.create_topic(4).await;
    let sql = stage.sql().await;
    let mut first = idle_consumer(&stage).await;
    let blocker = Blocker::new(&stage).await;
    stage.send(events(0..400, 4)).await;
    lanes_are(&sql, 2, WAITS_FOR_A_LOCK).await;
    first.freeze().await;
    blocker.release().await;
    // PostgreSQL has opened the COPY, and waits for data that does not come.
    lanes_are(&sql, 2, WAITS_FOR_ITS_CLIENT).await;

    let frozen = Instant::now();
    let second = stage.consumer();
    all_applied(&stage).await;
    println!("another one had applied everything {:?} after it was started", frozen.elapsed());
    assert!(second.log().contains("ended the database session of an owner that was frozen"));

    first.signal(Signal::SIGCONT);
    first.says("revoked", PATIENCE).await;
    every_partition_has_an_owner(&stage, 2).await;
    stage.send(events(400..800, 4)).await;
    let report = stage.check().await;
    assert_eq!((report.records, report.dead_letters), (800, 0));
    assert_eq!(first.terminate(PATIENCE).await, 0);
    assert_eq!(second.terminate(PATIENCE).await, 0);
}

#[tokio::test]
#[ignore = "slow: ./food-orders test --faults"]
async fn fault_01_frozen_owner_between_batches() {
    let stage = Stage::new().await;
    stage.create_topic(4).await;
    let mut first = idle_consumer(&stage).await;
    first.freeze().await;
    let second = stage.consumer();
    stage.send(events(0..400, 4)).await;
    all_applied(&stage).await;
    first.signal(Signal::SIGCONT);
    first.says("revoked", PATIENCE).await;
    every_partition_has_an_owner(&stage, 2).await;
    stage.send(events(400..800, 4)).await;
    assert_eq!(stage.check().await.records, 800);
    assert_eq!(first.terminate(PATIENCE).await, 0);
    assert_eq!(second.terminate(PATIENCE).await, 0);
}

#[tokio::test]
async fn fault_02_database_slower_than_the_poll_interval() {
    let stage = Stage::new().await;
    stage.create_topic(4).await;
    let sql = stage.sql().await;
    let consumer = stage
        .program("consumer")
        // The least that librdkafka takes: not less than the session time-out.
        .env("KAFKA_PROPERTIES", "max.poll.interval.ms=10000,session.timeout.ms=10000")
        .env("BATCH_RECORDS", "100")
        .env("LOG_LEVEL", "debug")
        .start();
    every_partition_has_an_owner(&stage, 1).await;
    let blocker = Blocker::new(&stage).await;
    stage.send(events(0..4000, 4)).await;
    lanes_are(&sql, 2, WAITS_FOR_A_LOCK).await;
    for_so_long(Duration::from_secs(14)).await;
    assert_eq!(stage.members().await, 1);
    assert!(consumer.log().contains("paused: the database is slower than the log"), "reading goes on");
    blocker.release().await;
    assert_eq!(stage.check().await.records, 4000);
    let log = consumer.log();
    assert!(!log.contains("revoked"), "a rebalance");
    assert_eq!(log.matches(" assigned ").count(), 1, "a rebalance");
    assert_eq!(consumer.terminate(PATIENCE).await, 0);
}

#[tokio::test]
async fn fault_03_revoked_while_a_transaction_is_open() {
    let stage = Stage::new().await;
    stage.create_topic(4).await;
    let sql = stage.sql().await;
    let first = idle_consumer(&stage).await;
    let blocker = Blocker::new(&stage).await;
    stage.send(events(0..400, 4)).await;
    lanes_are(&sql, 2, WAITS_FOR_A_LOCK).await;
    let asked = Instant::now();
    let second = stage.consumer();
    // While the transactions of the first one can neither go on nor end.
    every_partition_has_an_owner(&stage, 2).await;
    let took = asked.elapsed();
    println!("partitions given up after {took:?}");
    assert!(took < Duration::from_secs(45), "{took:?}");
    assert!(stage.positions(&sql).await.values().all(|position| *position == 0), "nothing was committed");
    blocker.release().await;
    assert_eq!(stage.check().await.records, 400);
    assert_eq!(first.terminate(PATIENCE).await, 0);
    assert_eq!(second.terminate(PATIENCE).await, 0);
}

/// The group has given the partitions away: nothing may be told to Kafka, and what is held counts no longer.
#[tokio::test]
async fn fault_04_partitions_lost_in_a_transaction() {
    let stage = Stage::new().await;
    stage.create_topic(4).await;
    let sql = stage.sql().await;
    let mut consumer = idle_consumer(&stage).await;
    let epochs = "SELECT min(owner_epoch), max(owner_epoch) FROM public.positions";
    let highest: i64 = sql.query_one(epochs, &[]).await.unwrap().get(1);
    let blocker = Blocker::new(&stage).await;
    stage.send(events(0..400, 4)).await;
    lanes_are(&sql, 2, WAITS_FOR_A_LOCK).await;
    consumer.freeze().await;
    eventually("member dropped", PATIENCE, async || (stage.members().await == 0).then_some(())).await;
    consumer.signal(Signal::SIGCONT);
    consumer.says("lost=true", PATIENCE).await;
    blocker.release().await;
    eventually("partitions claimed anew", PATIENCE, async || {
        (sql.query_one(epochs, &[]).await.unwrap().get::<_, i64>(0) > highest).then_some(())
    })
    .await;
    stage.send(events(400..800, 4)).await;
    assert_eq!(stage.check().await.records, 800);
    assert_eq!(consumer.terminate(PATIENCE).await, 0);
}

#[tokio::test]
async fn fault_05_offsets_of_the_group_are_wrong() {
    let stage = Stage::new().await;
    stage.create_topic(4).await;
    stage.send(events(0..400, 4)).await;
    stage.catch_up().await;
    stage.send(events(400..800, 4)).await;
    // Too far: what was not applied would be skipped.
    stage.set_committed(&stage.ends().await).await;
    stage.catch_up().await;
    assert_eq!(stage.check().await.records, 800);
    // Too low, and beyond the end.
    stage.send(events(800..1200, 4)).await;
    stage.set_committed(&[(0, 1), (1, 0), (2, 5000), (3, 300)].into()).await;
    stage.catch_up().await;
    let report = stage.check().await;
    assert_eq!((report.records, report.dead_letters), (1200, 0));
}

/// While a transaction waits, Kafka is told nothing of what was read.
#[tokio::test]
async fn fault_05_kafka_hears_only_of_what_the_database_has() {
    let stage = Stage::new().await;
    stage.create_topic(4).await;
    let sql = stage.sql().await;
    let consumer = idle_consumer(&stage).await;
    let blocker = Blocker::new(&stage).await;
    stage.send(events(0..400, 4)).await;
    lanes_are(&sql, 2, WAITS_FOR_A_LOCK).await;
    // Kafka is told once a second.
    for_so_long(Duration::from_secs(3)).await;
    assert_eq!(stage.committed().await, BTreeMap::new());
    blocker.release().await;
    all_applied(&stage).await;
    let ends = stage.ends().await;
    eventually("Kafka told", PATIENCE, async || (stage.committed().await == ends).then_some(())).await;
    assert_eq!(consumer.terminate(PATIENCE).await, 0);
}

/// Partitions go to and fro while the queues of the slow first consumer are full.
#[tokio::test]
async fn fault_06_messages_of_an_earlier_assignment() {
    let stage = Stage::new().await;
    stage.create_topic(6).await;
    let sql = stage.sql().await;
    stage.send(events(0..60_000, 6)).await;
    let proxy = Proxy::before(&stage.database_url);
    let first = stage
        .program("consumer")
        .env("DATABASE_URL", proxy.url(&stage.database_url))
        .env("BATCH_RECORDS", "200")
        .start();
    every_partition_has_an_owner(&stage, 1).await;
    proxy.set(Network::Delays(Duration::from_millis(20)));
    for round in 1..=3 {
        let second = stage.program("consumer").env("BATCH_RECORDS", "200").start();
        every_partition_has_an_owner(&stage, 2).await;
        let before = stage.positions(&sql).await.values().sum::<i64>();
        println!("round {round}: shared at {before}");
        assert_eq!(second.terminate(PATIENCE).await, 0);
        every_partition_has_an_owner(&stage, 1).await;
        let before = stage.positions(&sql).await.values().sum::<i64>();
        applied(&stage, &sql, (before + 100).min(60_000)).await;
    }
    proxy.set(Network::Passes);
    assert_eq!(stage.check().await.records, 60_000);
    assert_eq!(first.terminate(PATIENCE).await, 0);
}
