//! The end of a partition, as a member of a group learns it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use event_log::{
    Assigned, ChunkLimits, Consumer, GroupEvent, LaneQueue, Membership, Polled, TopicSpec, Watermarks,
    ensure_topic,
};
use orders::{Partition, Position};
use rdkafka::producer::{FutureProducer, FutureRecord};
use tokio::sync::watch;

use crate::common;

/// The news that a partition was read to its end waits behind a full lane, while the log grows and
/// its new end gets known: nothing up to there may count as read.
#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_is_known_later_does_not_count() {
    let mut settings = common::settings().await;
    // The broker says at once that there is nothing more.
    settings.properties.push(("fetch.wait.max.ms".into(), "10".to_owned().into()));
    ensure_topic(&settings, &TopicSpec { partitions: 1, ..TopicSpec::default() }).await.unwrap();
    let producer = settings.client_config("test").create().unwrap();
    send(&producer, &settings.topic, 2).await;
    let (known, ends) = watch::channel(Some(polled(2)));
    // Full with two records: then the polling thread waits for half a second.
    let lane = Arc::new(LaneQueue::new(ChunkLimits { records: 1, bytes: 1 << 20 }));
    let membership =
        Membership { group_id: format!("group-of-{}", settings.topic), lanes: vec![lane.clone()], ends };
    let (consumer, mut events) = Consumer::join(&settings, membership).unwrap();
    let Some(GroupEvent::Assigned { partitions, reply }) = events.recv().await else {
        panic!("no assignment");
    };
    assert_eq!(partitions, [Partition(0)]);
    reply.send(vec![Assigned { partition: Partition(0), position: Position::START, generation: 1 }]).unwrap();
    while lane.is_idle() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    // The lane is full now, and the news is on its way into the queue.
    tokio::time::sleep(Duration::from_millis(150)).await;
    send(&producer, &settings.topic, 1).await;
    known.send(Some(polled(3))).unwrap();

    let (mut next, mut end) = (Position::START, None);
    while next < Position(3) || end.is_none() {
        let chunk = tokio::time::timeout(Duration::from_secs(20), lane.take()).await.expect("a chunk");
        for (_, record) in chunk.records() {
            assert_eq!(record.offset.0, next.0);
            next = record.next();
        }
        for (_, position, _) in chunk.ends() {
            assert!(position <= next, "the end is said to be {position}, and read is what lies below {next}");
            end = Some(position);
        }
        lane.recycle(chunk);
    }
    drop(consumer);
}

async fn send(producer: &FutureProducer, topic: &str, records: usize) {
    for _ in 0..records {
        let record = FutureRecord::<(), _>::to(topic).payload("{}").partition(0);
        producer.send(record, Duration::from_secs(10)).await.unwrap();
    }
}

fn polled(end: i64) -> Polled {
    let marks = Watermarks { low: Position::START, end: Position(end) };
    Polled {
        asked_at: Instant::now(),
        ends: BTreeMap::from([(Partition(0), marks)]),
        highs: BTreeMap::new(),
        identity: None,
    }
}
