//! Fault 10, where PostgreSQL crashes or cannot be reached, and fault 11, where it comes back older.

use std::time::Duration;

use end_to_end::harness::{GIVE_UP_AFTER, Network, OwnServer, Proxy, Stage, free_address};

use crate::support::{
    events, hold_for, steady_producer, wait_for_owners, wait_for_readiness, wait_until_all_applied,
    wait_until_applied,
};

/// PostgreSQL crashes under load, four times. Commits that did not wait for the disk may be lost.
async fn crash_again_and_again(settings: &[(&str, &str)], synchronous_commit: &str) {
    let mut postgres = OwnServer::postgres(settings);
    let stage = Stage::with_database(postgres.url()).await;
    stage.create_topic(6).await;
    let producer = steady_producer(&stage);
    let mut consumer = stage.program("consumer").env("SYNCHRONOUS_COMMIT", synchronous_commit).start();
    for round in 1..=4 {
        let sql = stage.sql().await;
        let before = stage.positions(&sql).await.values().sum::<i64>();
        wait_until_applied(&stage, &sql, before + 1000).await;
        let before = stage.positions(&sql).await.values().sum::<i64>();
        postgres.stop_immediate().unwrap();
        postgres.restart().unwrap();
        let after = stage.positions(&stage.sql().await).await.values().sum::<i64>();
        println!("round {round}: {before} offsets applied before the crash, {after} after it");
        assert!(!consumer.has_ended());
    }
    assert_eq!(producer.terminate(GIVE_UP_AFTER).await, 0);
    assert_eq!(stage.check().await.dead_letters, 0);
    assert_eq!(consumer.terminate(GIVE_UP_AFTER).await, 0);
}

#[tokio::test]
async fn fault_10_database_crashes_under_load() {
    crash_again_and_again(&[], "on").await;
}

/// PostgreSQL writes its WAL so rarely that each crash loses the last commits.
#[tokio::test]
async fn fault_11_database_loses_its_last_commits() {
    crash_again_and_again(&[("wal_writer_delay", "10s"), ("wal_writer_flush_after", "1GB")], "off").await;
}

#[tokio::test]
async fn fault_10_database_refuses_connections() {
    let stage = Stage::new().await;
    stage.create_topic(4).await;
    let proxy = Proxy::in_front_of(&stage.database_url);
    let health = free_address();
    let mut consumer = stage.consumer_through(&proxy).env("METRICS_LISTEN", &health).start();
    wait_for_owners(&stage, 1).await;
    wait_for_readiness(&health, true, GIVE_UP_AFTER).await;
    for round in 0..3 {
        proxy.set(Network::Refuses);
        proxy.cut();
        stage.send(events(round * 400..(round + 1) * 400, 4)).await;
        let body = wait_for_readiness(&health, false, GIVE_UP_AFTER).await;
        assert!(body.contains("database"), "{body}");
        assert!(!consumer.has_ended());
        proxy.set(Network::Passes);
        wait_until_all_applied(&stage).await;
        wait_for_readiness(&health, true, GIVE_UP_AFTER).await;
    }
    let report = stage.check().await;
    assert_eq!((report.records, report.dead_letters), (1200, 0));
    assert_eq!(consumer.terminate(GIVE_UP_AFTER).await, 0);
}

/// A connection is half open: it exists, but something in between swallows the bytes, and neither end is
/// told.
#[tokio::test]
async fn fault_10_connections_swallow_everything_and_then_die() {
    let stage = Stage::new().await;
    stage.create_topic(4).await;
    let proxy = Proxy::in_front_of(&stage.database_url);
    let consumer = stage.consumer_through(&proxy).start();
    wait_for_owners(&stage, 1).await;
    for round in 0..3 {
        proxy.set(Network::Swallows);
        stage.send(events(round * 400..(round + 1) * 400, 4)).await;
        hold_for(Duration::from_secs(2)).await;
        proxy.cut();
        proxy.set(Network::Passes);
        wait_until_all_applied(&stage).await;
    }
    assert_eq!(stage.check().await.records, 1200);
    assert_eq!(consumer.terminate(GIVE_UP_AFTER).await, 0);
}

/// The database is replaced by an older copy. The consumer continues from the copy's positions, and reports
/// it.
#[tokio::test]
async fn fault_11_database_is_restored_under_a_running_consumer() {
    let stage = Stage::new().await;
    stage.create_topic(4).await;
    let proxy = Proxy::in_front_of(&stage.database_url);
    let mut consumer = stage.consumer_through(&proxy).start();
    wait_for_owners(&stage, 1).await;
    stage.send(events(0..400, 4)).await;
    wait_until_all_applied(&stage).await;
    let name = stage.database_url.rsplit('/').next().unwrap().to_owned();
    let admin = Stage::new().await.sql().await;
    let end_sessions_on = |database: &str| {
        format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'")
    };
    proxy.set(Network::Refuses);
    admin.batch_execute(&end_sessions_on(&name)).await.unwrap();
    admin.batch_execute(&format!("CREATE DATABASE older_{name} TEMPLATE {name}")).await.unwrap();
    proxy.set(Network::Passes);

    stage.send(events(400..800, 4)).await;
    wait_until_all_applied(&stage).await;
    proxy.set(Network::Refuses);
    admin.batch_execute(&end_sessions_on(&name)).await.unwrap();
    admin.batch_execute(&format!("ALTER DATABASE {name} RENAME TO newer_{name}")).await.unwrap();
    admin.batch_execute(&format!("ALTER DATABASE older_{name} RENAME TO {name}")).await.unwrap();
    let back = stage.positions(&stage.sql().await).await.values().sum::<i64>();
    assert_eq!(back, 400, "the copy has the positions of before");
    proxy.set(Network::Passes);

    stage.send(events(800..1200, 4)).await;
    let report = stage.check().await;
    assert_eq!((report.records, report.dead_letters), (1200, 0));
    consumer.wait_for_log("position went back", GIVE_UP_AFTER).await;
    assert_eq!(consumer.terminate(GIVE_UP_AFTER).await, 0);
}
