//! Fault 79: a new leader does not know yet that records were acknowledged.

use std::time::Duration;

use end_to_end::harness::{Cluster, GIVE_UP_AFTER, Network, Proxy, Stage, eventually};
use local_stack::free_port;

use crate::support::{Blocker, events, hold_for, wait_for_owners};

const RECORDS: u32 = 5000;
const LAST: u32 = 50;
/// How long answers to followers take. A follower knows of the high watermark this much later than the leader
/// and its clients do.
const DELAY: Duration = Duration::from_secs(8);

/// Three brokers that replicate from each other through proxies, in front of broker 1, 2 and 3.
fn cluster_behind_proxies() -> (Cluster, Vec<Proxy>) {
    let ports: Vec<u16> = (0..3).map(|_| free_port().unwrap()).collect();
    let proxies: Vec<Proxy> = ports.iter().map(|port| Proxy::to(format!("127.0.0.1:{port}"))).collect();
    let cluster = Cluster::start(|broker| {
        let at = usize::from(broker) - 1;
        let (port, proxy) = (ports[at], proxies[at].address());
        let settings = [
            (
                "listeners",
                format!(
                    "PLAINTEXT://127.0.0.1:@PORT@,CONTROLLER://127.0.0.1:@CONTROLLER_PORT@,REPLICATION://127.0.0.1:{port}"
                ),
            ),
            ("advertised.listeners", format!("PLAINTEXT://127.0.0.1:@PORT@,REPLICATION://{proxy}")),
            ("inter.broker.listener.name", "REPLICATION".to_owned()),
            (
                "listener.security.protocol.map",
                "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,REPLICATION:PLAINTEXT".to_owned(),
            ),
        ];
        settings.map(|(name, value)| (name.to_owned(), value)).to_vec()
    });
    (cluster, proxies)
}

/// A group whose coordinator is this broker, so that the group goes on while others fail.
async fn group_coordinated_by(cluster: &Cluster, stage: &Stage, broker: u16) -> String {
    let mut offsets =
        Stage::on(stage.kafka.bootstrap_servers.clone(), "__consumer_offsets".into(), String::new());
    offsets.group = stage.group.clone();
    // The first question about a group makes the brokers create their topic for groups.
    stage.group_offsets().await;
    let leaders = cluster.wait_until_all_in_sync(&offsets).await;
    (0..)
        .map(|number| format!("{}-{number}", stage.group))
        .find(|group| {
            let partition = java_hash(group).unsigned_abs() % leaders.len() as u32;
            leaders[&partition.cast_signed()].leader == Some(broker)
        })
        .expect("a group for each broker")
}

/// `String.hashCode`, by which Kafka finds the partition of a group.
fn java_hash(text: &str) -> i32 {
    text.bytes().fold(0, |hash: i32, byte| hash.wrapping_mul(31).wrapping_add(i32::from(byte)))
}

/// The leader dies after it has acknowledged records and told their end to the consumer, but before its
/// followers know that. The next leader hides these records until its own follower has fetched them, and that
/// one hangs. The consumer, which is still busy with a backlog, has to wait at the hidden records.
#[tokio::test]
#[ignore = "slow: ./food-orders test --faults"]
async fn fault_79_new_leader_hides_acknowledged_records_for_a_while() {
    let (mut cluster, proxies) = cluster_behind_proxies();
    let mut stage = cluster.stage().await;
    stage.create_topic_on(&[&[1, 2, 3]]).await;
    cluster.wait_until_all_in_sync(&stage).await;
    stage.group = group_coordinated_by(&cluster, &stage, 3).await;
    // Small batches fill the lane, so that the consumer stops reading while the database does not answer.
    let mut consumer = stage.program("consumer").env("BATCH_RECORDS", "20").start();
    wait_for_owners(&stage, 1).await;
    let blocker = Blocker::new(&stage).await;
    stage.send(events(0..RECORDS, 1)).await;
    // The followers have fetched all and know the high watermark once their next fetch is answered.
    hold_for(Duration::from_secs(1)).await;

    proxies[0].set(Network::Delays(DELAY));
    stage.send(events(RECORDS..RECORDS + LAST, 1)).await;
    // The records are acknowledged, so both followers have them; the new high watermark is still on its way to
    // them. The consumer asks for the end of the log every second.
    hold_for(DELAY / 2).await;
    proxies[1].set(Network::Swallows);
    cluster.broker(1).kill().unwrap();
    cluster.wait_for_replicas(&stage, "broker 2 is the leader", |one| one.leader == Some(2)).await;
    blocker.release().await;

    let sql = stage.sql().await;
    let position = async || stage.positions(&sql).await.get(&0).copied().unwrap_or(0);
    eventually("all but the hidden records are applied", GIVE_UP_AFTER, async || {
        (position().await >= i64::from(RECORDS)).then_some(())
    })
    .await;
    hold_for(Duration::from_secs(4)).await;
    let row = sql.query_one("SELECT count(*) FROM public.order_history", &[]).await.unwrap();
    let (applied, hidden_from) = (row.get::<_, i64>(0), i64::from(RECORDS));
    assert_eq!((position().await, applied), (hidden_from, hidden_from), "position and applied records");
    assert!(!consumer.has_ended());

    for proxy in &proxies {
        proxy.set(Network::Passes);
        proxy.cut();
    }
    cluster.heal();
    cluster.wait_until_all_in_sync(&stage).await;
    let report = stage.check().await;
    assert_eq!((report.records, report.dead_letters), ((RECORDS + LAST) as usize, 0));
    assert_eq!(consumer.terminate(GIVE_UP_AFTER).await, 0);
}
