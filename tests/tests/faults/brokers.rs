//! Faults 17, 80 to 83, 85 and 86: brokers of a cluster of three fail or move their leaders, under load.

use std::time::Duration;

use end_to_end::harness::{Cluster, GIVE_UP_AFTER, Stage, eventually, raw};
use local_stack::Kafka;

use crate::load::{Load, leader_of, require_all_acknowledged, wait_until_others_lead};
use crate::support::{hold_for, steady_producer, wait_until_all_applied, wait_until_applied};

/// Also shows what our programs give a topic on three brokers, and that one with less is warned about.
#[tokio::test]
async fn fault_17_leader_killed_under_load() {
    let mut cluster = Cluster::shared().await;
    let load = Load::start(&cluster).await;
    let topic = cluster.wait_until_all_in_sync(&load.stage).await;
    assert!(topic.len() == 6 && topic.values().all(|one| one.all.len() == 3), "{topic:?}");
    assert_eq!(topic_warnings(&load.stage).await, [""; 0]);
    let weak = cluster.stage().await;
    weak.create_topic_on(&[&[1]]).await;
    let warnings = topic_warnings(&weak).await;
    assert!(warnings.len() == 1 && warnings[0].contains("there are 3 brokers"), "{warnings:?}");

    leader_fails(&mut cluster, load, |leader| leader.kill().unwrap()).await;
}

/// A broker that has not heard of the topic yet, or does not answer in time, leads to none.
async fn topic_warnings(stage: &Stage) -> Vec<String> {
    eventually("the topic's settings are known", GIVE_UP_AFTER, async || {
        event_log::topic_warnings(&stage.kafka).await.unwrap()
    })
    .await
}

/// The others lead its partitions, and the work goes on without it and with it.
async fn leader_fails(cluster: &mut Cluster, mut load: Load, fail: impl FnOnce(&mut Kafka)) {
    let leader = leader_of(cluster, &load.stage, 0).await;
    fail(cluster.broker(leader));
    wait_until_others_lead(cluster, &load.stage, leader).await;
    load.proceed(3000).await;
    cluster.heal();
    load.finish(cluster).await;
}

/// The leader does not answer for longer than its session, and then believes to be the leader still.
#[tokio::test]
#[ignore = "slow: ./food-orders test --faults"]
async fn fault_86_leader_frozen_under_load() {
    let mut cluster = Cluster::shared().await;
    let load = Load::start(&cluster).await;
    leader_fails(&mut cluster, load, |leader| leader.pause()).await;
}

#[tokio::test]
#[ignore = "slow: ./food-orders test --faults"]
async fn fault_80_controller_killed_under_load() {
    let mut cluster = Cluster::shared().await;
    let mut load = Load::start(&cluster).await;
    for _ in 0..2 {
        let controller = cluster.controller(&load.stage).await;
        cluster.broker(controller).kill().unwrap();
        eventually("another node is the controller", GIVE_UP_AFTER, async || {
            (cluster.controller(&load.stage).await != controller).then_some(())
        })
        .await;
        wait_until_others_lead(&cluster, &load.stage, controller).await;
        load.proceed(2000).await;
        cluster.heal();
        cluster.wait_until_all_in_sync(&load.stage).await;
    }
    load.finish(&cluster).await;
}

/// As in an upgrade: each broker in turn is stopped cleanly and started again.
#[tokio::test]
#[ignore = "slow: ./food-orders test --faults"]
async fn fault_81_rolling_restart_of_all_brokers() {
    let mut cluster = Cluster::shared().await;
    let mut load = Load::start(&cluster).await;
    for broker in 1..=3 {
        cluster.broker(broker).restart().unwrap();
        cluster.wait_until_all_in_sync(&load.stage).await;
        load.proceed(2000).await;
    }
    load.finish(&cluster).await;
}

#[tokio::test]
#[ignore = "slow: ./food-orders test --faults"]
async fn fault_82_preferred_leaders_elected_under_load() {
    let mut cluster = Cluster::shared().await;
    let mut load = Load::start(&cluster).await;
    let leader = leader_of(&cluster, &load.stage, 0).await;
    cluster.broker(leader).restart().unwrap();
    let moved = cluster.wait_until_all_in_sync(&load.stage).await;
    assert!(
        moved.values().any(|one| one.leader != one.all.first().copied()),
        "no leader has moved: {moved:?}"
    );
    load.proceed(2000).await;
    cluster.tool(&load.stage, "leader-election", "--election-type preferred --all-topic-partitions").await;
    cluster
        .wait_for_replicas(&load.stage, "the preferred replicas lead", |one| {
            one.leader == one.all.first().copied()
        })
        .await;
    load.proceed(2000).await;
    load.finish(&cluster).await;
}

/// One broker is down, and then a write needs three replicas: too few are in sync, while the other brokers can
/// still elect leaders.
#[tokio::test]
#[ignore = "slow: ./food-orders test --faults"]
async fn fault_83_fewer_replicas_in_sync_than_a_write_needs() {
    let mut cluster = Cluster::shared().await;
    let stage = cluster.stage().await;
    let mut producer = steady_producer(&stage);
    eventually("the producer writes", GIVE_UP_AFTER, async || {
        (stage.log_length().await > 2000).then_some(())
    })
    .await;
    cluster.broker(3).kill().unwrap();
    cluster
        .wait_for_replicas(&stage, "two replicas are in sync", |one| {
            one.leader.is_some() && one.in_sync.len() == 2
        })
        .await;
    let topic = &stage.kafka.topic;
    let alter =
        format!("--alter --entity-type topics --entity-name {topic} --add-config min.insync.replicas=3");
    cluster.tool(&stage, "configs", &alter).await;
    let refused = stage.try_send(vec![raw(r#"{"event":"OrderCreated","order_id":"P-1"}"#)]).await;
    println!("a write within 5 s: {}", refused.unwrap_err());
    let length = stage.log_length().await;
    // What is in the log is read as ever.
    let consumer = stage.consumer();
    wait_until_all_applied(&stage).await;
    hold_for(Duration::from_secs(2)).await;
    assert_eq!(stage.log_length().await, length, "the log has grown");
    assert!(!producer.has_ended(), "the producer has to wait");
    cluster.heal();
    cluster.wait_until_all_in_sync(&stage).await;
    let sql = stage.sql().await;
    wait_until_applied(&stage, &sql, length + 5000).await;
    require_all_acknowledged(&stage, &mut producer, 0).await;
    assert_eq!(stage.check().await.dead_letters, 0);
    assert_eq!(consumer.terminate(GIVE_UP_AFTER).await, 0);
}

/// Two of three brokers are killed at once. The last one can neither elect a leader nor acknowledge a write.
#[tokio::test]
#[ignore = "slow: ./food-orders test --faults"]
async fn fault_85_majority_of_brokers_killed() {
    let mut cluster = Cluster::shared().await;
    let mut load = Load::start(&cluster).await;
    for broker in [1, 2] {
        cluster.broker(broker).kill().unwrap();
    }
    hold_for(Duration::from_secs(10)).await;
    cluster.heal();
    cluster.wait_until_all_in_sync(&load.stage).await;
    load.proceed(2000).await;
    load.finish(&cluster).await;
}
