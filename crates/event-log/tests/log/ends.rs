//! How a member of a group learns that a partition has ended.

use std::sync::Arc;
use std::time::Duration;

use event_log::{
    ChunkLimits, Consumer, Generation, GroupEvent, Heartbeat, LaneQueue, LogEnds, Membership, ReadFrom,
    TopicSpec, ensure_topic,
};
use orders::{Partition, Position};
use rdkafka::producer::{FutureProducer, FutureRecord};
use tokio::sync::watch;

use crate::common;

/// The report that a partition was read to its end waits behind a full lane while the log grows and its
/// new end becomes known. The offsets up to the new end must not count as read.
#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_is_known_later_does_not_count() {
    let mut settings = common::settings().await;
    // The broker answers at once that there is nothing more.
    settings.properties.push(("fetch.wait.max.ms".into(), "10".to_owned().into()));
    ensure_topic(&settings, &TopicSpec { partitions: 1, ..TopicSpec::default() }).await.unwrap();
    let producer = settings.client_config("test").create().unwrap();
    send(&producer, &settings.topic, 2).await;
    let (known, ends) = watch::channel(Some(ends_at(2)));
    // Two records fill it, and then the polling thread waits for half a second.
    let lane = Arc::new(LaneQueue::new(ChunkLimits { records: 1, bytes: 1 << 20 }));
    let membership = Membership {
        group_id: format!("group-of-{}", settings.topic),
        lanes: vec![lane.clone()],
        ends,
        heartbeat: Heartbeat::unwatched(),
    };
    let (consumer, mut events) = Consumer::join(&settings, membership).unwrap();
    let Some(GroupEvent::Assigned { assignment, partitions }) = events.recv().await else {
        panic!("no assignment");
    };
    assert_eq!(partitions, [Partition(0)]);
    let generation = Generation(1);
    consumer.read_from(vec![ReadFrom {
        partition: Partition(0),
        position: Position::START,
        assignment,
        generation,
    }]);
    while lane.is_idle() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    // The lane is full by now, and the report is about to enter the queue.
    tokio::time::sleep(Duration::from_millis(150)).await;
    send(&producer, &settings.topic, 1).await;
    known.send(Some(ends_at(3))).unwrap();

    let (mut next, mut end) = (Position::START, None);
    while next < Position(3) || end.is_none() {
        let chunk = tokio::time::timeout(Duration::from_secs(20), lane.take()).await.expect("a chunk");
        for (_, record) in chunk.records() {
            assert_eq!(record.offset.0, next.0);
            next = record.next();
        }
        for (_, position, _) in chunk.ends() {
            assert!(
                position <= next,
                "the end {position} was reported, but only records below {next} were read"
            );
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

fn ends_at(end: i64) -> LogEnds {
    LogEnds::of([(Partition(0), Position(end))])
}
