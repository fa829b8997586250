//! How readers learn that a partition has ended.

use std::sync::Arc;
use std::time::Duration;

use event_log::{
    ChunkLimits, Consumer, Error, Fingerprint, Fingerprints, Generation, Heartbeat, KafkaSettings, LaneQueue,
    Membership, ReadFrom, Replay, Span, TopicSpec, ensure_topic, pick,
};
use orders::{Offset, Partition, Position};
use rdkafka::producer::{FutureProducer, FutureRecord};

use crate::common::{self, blocking};
use crate::proxy::Proxy;

const PARTITION: Partition = Partition(0);
const SOON: Duration = Duration::from_secs(20);

/// A topic with one partition and some records, and a way to add more.
async fn topic(records: usize) -> (KafkaSettings, FutureProducer) {
    let mut settings = common::settings().await;
    // The broker answers at once that there is nothing more.
    settings.properties.push(("fetch.wait.max.ms".into(), "10".to_owned().into()));
    ensure_topic(&settings, &TopicSpec { partitions: 1, ..TopicSpec::default() }).await.unwrap();
    let producer = settings.client_config("test").create().unwrap();
    send(&producer, &settings.topic, records).await;
    (settings, producer)
}

/// Each record is a batch of its own.
async fn send(producer: &FutureProducer, topic: &str, records: usize) {
    for _ in 0..records {
        let record = FutureRecord::<(), _>::to(topic).payload("{}").partition(0);
        producer.send(record, Duration::from_secs(10)).await.unwrap();
    }
}

/// A member of a group that reads the partition from `position` on. `name` distinguishes its group.
async fn member(settings: &KafkaSettings, position: i64, name: &str) -> (Consumer, Arc<LaneQueue>) {
    // Two records fill it, and then the polling thread waits for half a second.
    let lane = Arc::new(LaneQueue::new(ChunkLimits { records: 1, bytes: 1 << 20 }));
    let group_id = format!("{name}-of-{}", settings.topic);
    let heartbeat = Heartbeat::unwatched();
    let membership = Membership { group_id, mark: String::new(), lanes: vec![lane.clone()], heartbeat };
    let (consumer, mut events) = Consumer::join(settings, membership).unwrap();
    let assignment = common::first_assignment(&mut events).await;
    let (position, generation) = (Position(position), Generation(1));
    consumer.read_from(vec![ReadFrom { partition: PARTITION, position, assignment, generation }]);
    // Dropping it would only make the polling thread fail to report.
    std::mem::forget(events);
    (consumer, lane)
}

/// Takes chunks until `until` is reached. Whatever is reported as an end must have been read by then.
async fn read_until(lane: &LaneQueue, from: i64, until: i64) {
    let mut next = Position(from);
    while next < Position(until) {
        let chunk = tokio::time::timeout(SOON, lane.take()).await.expect("a chunk");
        for (_, record) in chunk.records() {
            assert_eq!(record.offset.0, next.0);
            next = record.next();
        }
        for (_, end, _) in chunk.ends() {
            assert!(end <= next, "the end {end} was reported, but only records below {next} were read");
        }
        lane.recycle(chunk);
    }
}

/// The report that a partition was read to its end waits behind a full lane while the log grows.
#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_waits_while_the_log_grows_stays_where_it_was() {
    let (settings, producer) = topic(2).await;
    let (consumer, lane) = member(&settings, 0, "group").await;
    while lane.records() == 0 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    // The lane is full by now, and the report is about to enter the queue.
    tokio::time::sleep(Duration::from_millis(150)).await;
    send(&producer, &settings.topic, 1).await;
    read_until(&lane, 0, 3).await;
    drop(consumer);
}

/// A leader that has just taken over may show a lower high watermark for a moment, while the old one's end
/// is known already.
#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_is_too_low_for_a_moment_makes_nobody_skip_records() {
    let (mut settings, _producer) = topic(10).await;
    let proxy = Proxy::before(&settings.bootstrap_servers).await;
    settings.bootstrap_servers = proxy.address.to_string();
    proxy.lower_ends(Some(5));
    let (consumer, lane) = member(&settings, 5, "group").await;
    let span = Span { from: Position(5), to: Position(10) };
    let mut replay = Replay::start(&settings, [(PARTITION, span)].into(), ChunkLimits::SMALL).unwrap();
    let kafka = settings.clone();
    let picking = tokio::spawn(blocking(move || pick(&kafka, &[(PARTITION, Offset(5))], SOON)));
    let mut comparing = Fingerprints::start(&settings, [(PARTITION, Offset(5))].into()).unwrap();
    let lowered = async {
        while proxy.lowered() == 0 {
            // The proxy only counts.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(SOON, lowered).await.expect("a lowered end");
    tokio::time::timeout(Duration::from_millis(1500), async {
        tokio::select! {
            chunk = lane.take() => assert_eq!(chunk.ends().count() + chunk.len(), 0),
            chunk = replay.next() => panic!("{chunk:?}"),
            answer = comparing.next() => panic!("{answer:?}"),
        }
    })
    .await
    .expect_err("nothing can be read while the end is too low");
    assert!(!picking.is_finished());

    proxy.lower_ends(None);
    read_until(&lane, 5, 10).await;
    let chunk = tokio::time::timeout(SOON, replay.next()).await.unwrap().unwrap().unwrap();
    assert_eq!(chunk.records().count(), 5);
    assert_eq!(chunk.ends().map(|(_, end, _)| end).collect::<Vec<_>>(), [Position(10)]);
    assert_eq!(picking.await.unwrap().unwrap().len(), 1);
    let answer = tokio::time::timeout(SOON, comparing.next()).await.unwrap().unwrap().unwrap();
    assert!(matches!(answer, (PARTITION, Fingerprint::Found(_))), "{answer:?}");
    assert!(comparing.next().await.is_none());
    drop(consumer);
}

/// The span was recorded before the log was truncated.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_ends_below_a_span_is_an_error_about_the_log() {
    let (settings, producer) = topic(3).await;
    let span = Span { from: Position(0), to: Position(5) };
    let mut replay = Replay::start(&settings, [(PARTITION, span)].into(), ChunkLimits::SMALL).unwrap();
    let ended = tokio::time::timeout(SOON, replay.next()).await.unwrap().unwrap();
    let error = ended.map(|chunk| chunk.len()).unwrap_err();
    assert!(error.is_about_the_log(), "{error}");
    assert!(matches!(error, Error::EndsEarly { end: Position(3), expected: Position(5), .. }), "{error}");

    let kafka = settings.clone();
    let picked = blocking(move || pick(&kafka, &[(PARTITION, Offset(3))], SOON)).await.unwrap();
    assert!(picked.is_empty(), "the log ends before it");
    send(&producer, &settings.topic, 1).await;
    let picked = blocking(move || pick(&settings, &[(PARTITION, Offset(3))], SOON)).await.unwrap();
    assert_eq!(picked.len(), 1);
}
