//! A leader that takes requests and does not answer them, beside one that does.

use std::time::{Duration, Instant};

use event_log::{EndsWatch, Heartbeat, KafkaSettings};
use orders::Partition;
use rdkafka::mocking::MockCluster;

const TOPIC: &str = "food-orders";
/// After this time without an answer, the health checks of consumer and API report Kafka as away.
const TOO_OLD: Duration = Duration::from_secs(10);
const HANGS: Duration = Duration::from_secs(3600);
const SOON: Duration = Duration::from_secs(20);

/// Five partitions do not answer; the end of the sixth must not age with them.
#[tokio::test(flavor = "multi_thread")]
async fn the_ends_of_other_partitions_stay_known() {
    let cluster = MockCluster::new(2).unwrap();
    cluster.create_topic(TOPIC, 6, 1).unwrap();
    for partition in 0..6 {
        cluster.partition_leader(TOPIC, partition, Some(if partition == 0 { 1 } else { 2 })).unwrap();
    }
    let settings = KafkaSettings::new(&cluster.bootstrap_servers(), TOPIC);
    let watch = EndsWatch::start(&settings, Duration::from_secs(1), Heartbeat::unwatched()).unwrap();
    let mut latest = watch.latest.clone();
    let all = latest.wait_for(|ends| ends.as_ref().is_some_and(|ends| ends.ranges.len() == 6));
    assert!(tokio::time::timeout(SOON, all).await.unwrap().unwrap().as_ref().unwrap().silent.is_empty());

    cluster.broker_round_trip_time(2, HANGS).unwrap();
    let (began, mut oldest) = (Instant::now(), Duration::ZERO);
    while began.elapsed() < 3 * TOO_OLD {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let age = latest.borrow().as_ref().unwrap().asked_at.elapsed();
        oldest = oldest.max(age);
    }
    assert!(oldest < TOO_OLD, "{oldest:?}");
    let silent: Vec<_> = latest.borrow().as_ref().unwrap().silent.keys().copied().collect();
    assert_eq!(silent, (1..6).map(Partition).collect::<Vec<_>>());

    cluster.broker_round_trip_time(2, Duration::ZERO).unwrap();
    let healed = latest.wait_for(|ends| ends.as_ref().is_some_and(|ends| ends.silent.is_empty()));
    tokio::time::timeout(2 * SOON, healed).await.expect("all partitions answer again").unwrap();
}
