//! Faults 1 to 6: who may write the rows of a partition, and from which offset.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use end_to_end::harness::{GIVE_UP_AFTER, Network, Proxy, Stage, eventually};
use nix::sys::signal::Signal;

use crate::support::{
    Blocker, WAITS_FOR_A_LOCK, WAITS_FOR_ITS_CLIENT, events, hold_for, idle_consumer, wait_for_lanes,
    wait_for_owners, wait_until_all_applied, wait_until_applied,
};

/// Its session keeps the position rows locked, and no time-out of PostgreSQL ends it.
#[tokio::test]
async fn fault_01_frozen_owner_in_the_middle_of_copy() {
    let stage = Stage::new().await;
    stage.create_topic(4).await;
    let sql = stage.sql().await;
    let mut first = idle_consumer(&stage).await;
    let blocker = Blocker::new(&stage).await;
    stage.send(events(0..400, 4)).await;
    wait_for_lanes(&sql, 2, WAITS_FOR_A_LOCK).await;
    first.freeze().await;
    blocker.release().await;
    // PostgreSQL has begun the COPY, and waits for data that does not come.
    wait_for_lanes(&sql, 2, WAITS_FOR_ITS_CLIENT).await;

    let frozen = Instant::now();
    let mut second = stage.consumer();
    // The group gives the partitions away once the session of the frozen member has expired, after 10 s.
    second.wait_for_log("assigned", GIVE_UP_AFTER).await;
    let assigned = Instant::now();
    wait_until_all_applied(&stage).await;
    let took = assigned.elapsed();
    assert!(took < Duration::from_secs(30), "the takeover took {took:?}, and 5 s of waiting are its design");
    println!("the second consumer had applied everything {:?} after its start", frozen.elapsed());
    assert!(second.log().contains("ended the database session of an owner that was frozen"));

    first.signal(Signal::SIGCONT);
    first.wait_for_log("revoked", GIVE_UP_AFTER).await;
    wait_for_owners(&stage, 2).await;
    stage.send(events(400..800, 4)).await;
    let report = stage.check().await;
    assert_eq!((report.records, report.dead_letters), (800, 0));
    assert_eq!(first.terminate(GIVE_UP_AFTER).await, 0);
    assert_eq!(second.terminate(GIVE_UP_AFTER).await, 0);
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
    wait_until_all_applied(&stage).await;
    first.signal(Signal::SIGCONT);
    first.wait_for_log("revoked", GIVE_UP_AFTER).await;
    wait_for_owners(&stage, 2).await;
    stage.send(events(400..800, 4)).await;
    assert_eq!(stage.check().await.records, 800);
    assert_eq!(first.terminate(GIVE_UP_AFTER).await, 0);
    assert_eq!(second.terminate(GIVE_UP_AFTER).await, 0);
}

#[tokio::test]
async fn fault_02_database_slower_than_the_poll_interval() {
    let stage = Stage::new().await;
    stage.create_topic(4).await;
    let sql = stage.sql().await;
    let consumer = stage
        .program("consumer")
        // librdkafka does not accept less than the session time-out.
        .env("KAFKA_PROPERTIES", "max.poll.interval.ms=10000,session.timeout.ms=10000")
        .env("BATCH_RECORDS", "100")
        .env("LOG_LEVEL", "debug")
        .start();
    wait_for_owners(&stage, 1).await;
    let blocker = Blocker::new(&stage).await;
    stage.send(events(0..4000, 4)).await;
    wait_for_lanes(&sql, 2, WAITS_FOR_A_LOCK).await;
    hold_for(Duration::from_secs(14)).await;
    assert_eq!(stage.members().await, 1);
    assert!(
        consumer.log().contains("paused: the database is slower than the log"),
        "the consumer has to keep polling"
    );
    blocker.release().await;
    assert_eq!(stage.check().await.records, 4000);
    let log = consumer.log();
    assert!(!log.contains("revoked"), "there was a rebalance");
    assert_eq!(log.matches(" assigned ").count(), 1, "there was a rebalance");
    assert_eq!(consumer.terminate(GIVE_UP_AFTER).await, 0);
}

#[tokio::test]
async fn fault_03_revoked_while_a_transaction_is_open() {
    let stage = Stage::new().await;
    stage.create_topic(4).await;
    let sql = stage.sql().await;
    let first = idle_consumer(&stage).await;
    let blocker = Blocker::new(&stage).await;
    stage.send(events(0..400, 4)).await;
    wait_for_lanes(&sql, 2, WAITS_FOR_A_LOCK).await;
    let asked = Instant::now();
    let second = stage.consumer();
    // The transactions of the first consumer can neither continue nor end meanwhile.
    wait_for_owners(&stage, 2).await;
    let took = asked.elapsed();
    println!("the partitions had a second owner after {took:?}");
    assert!(took < Duration::from_secs(45), "{took:?}");
    assert!(stage.positions(&sql).await.values().all(|position| *position == 0), "nothing may be committed");
    blocker.release().await;
    assert_eq!(stage.check().await.records, 400);
    assert_eq!(first.terminate(GIVE_UP_AFTER).await, 0);
    assert_eq!(second.terminate(GIVE_UP_AFTER).await, 0);
}

/// The group has given the partitions away, so the consumer may neither commit group offsets nor count on its
/// claims.
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
    wait_for_lanes(&sql, 2, WAITS_FOR_A_LOCK).await;
    consumer.freeze().await;
    eventually("the group has dropped the member", GIVE_UP_AFTER, async || {
        (stage.members().await == 0).then_some(())
    })
    .await;
    consumer.signal(Signal::SIGCONT);
    consumer.wait_for_log("lost=true", GIVE_UP_AFTER).await;
    blocker.release().await;
    eventually("the partitions are claimed again", GIVE_UP_AFTER, async || {
        (sql.query_one(epochs, &[]).await.unwrap().get::<_, i64>(0) > highest).then_some(())
    })
    .await;
    stage.send(events(400..800, 4)).await;
    assert_eq!(stage.check().await.records, 800);
    assert_eq!(consumer.terminate(GIVE_UP_AFTER).await, 0);
}

#[tokio::test]
async fn fault_05_wrong_group_offsets() {
    let stage = Stage::new().await;
    stage.create_topic(4).await;
    stage.send(events(0..400, 4)).await;
    stage.catch_up().await;
    stage.send(events(400..800, 4)).await;
    // Too high: a consumer that trusted them would skip records.
    stage.set_group_offsets(&stage.ends().await).await;
    stage.catch_up().await;
    assert_eq!(stage.check().await.records, 800);
    // Too low, and beyond the end of the log.
    stage.send(events(800..1200, 4)).await;
    stage.set_group_offsets(&[(0, 1), (1, 0), (2, 5000), (3, 300)].into()).await;
    stage.catch_up().await;
    let report = stage.check().await;
    assert_eq!((report.records, report.dead_letters), (1200, 0));
}

/// While a transaction waits, the group offsets of its records must not be committed.
#[tokio::test]
async fn fault_05_group_offsets_follow_the_database() {
    let stage = Stage::new().await;
    stage.create_topic(4).await;
    let sql = stage.sql().await;
    let consumer = idle_consumer(&stage).await;
    let blocker = Blocker::new(&stage).await;
    stage.send(events(0..400, 4)).await;
    wait_for_lanes(&sql, 2, WAITS_FOR_A_LOCK).await;
    // Group offsets are committed once a second.
    hold_for(Duration::from_secs(3)).await;
    let mut committed = stage.group_offsets().await;
    // That of partition 0 carries the group's mark from the start.
    committed.retain(|_, offset| *offset > 0);
    assert_eq!(committed, BTreeMap::new());
    blocker.release().await;
    wait_until_all_applied(&stage).await;
    let ends = stage.ends().await;
    eventually("the group offsets are those of the database", GIVE_UP_AFTER, async || {
        (stage.group_offsets().await == ends).then_some(())
    })
    .await;
    assert_eq!(consumer.terminate(GIVE_UP_AFTER).await, 0);
}

/// Partitions are revoked and assigned again while the queues of the slow first consumer are full.
#[tokio::test]
async fn fault_06_messages_of_an_earlier_assignment() {
    let stage = Stage::new().await;
    stage.create_topic(6).await;
    let sql = stage.sql().await;
    stage.send(events(0..60_000, 6)).await;
    let proxy = Proxy::in_front_of(&stage.database_url);
    let first = stage.consumer_through(&proxy).env("BATCH_RECORDS", "200").start();
    wait_for_owners(&stage, 1).await;
    proxy.set(Network::Delays(Duration::from_millis(20)));
    for round in 1..=3 {
        let second = stage.program("consumer").env("BATCH_RECORDS", "200").start();
        wait_for_owners(&stage, 2).await;
        let before = stage.positions(&sql).await.values().sum::<i64>();
        println!("round {round}: shared at {before}");
        assert_eq!(second.terminate(GIVE_UP_AFTER).await, 0);
        wait_for_owners(&stage, 1).await;
        let before = stage.positions(&sql).await.values().sum::<i64>();
        wait_until_applied(&stage, &sql, (before + 100).min(60_000)).await;
    }
    proxy.set(Network::Passes);
    assert_eq!(stage.check().await.records, 60_000);
    assert_eq!(first.terminate(GIVE_UP_AFTER).await, 0);
}
