//! Clients whose broker answers for a moment that there are no brokers. Whether a client would recover on
//! its own depends on a race between two threads of librdkafka, so there are many clients of each kind,
//! and slow logging delays the thread that has to lose.

use std::sync::Arc;
use std::time::{Duration, Instant};

use event_log::{
    ChunkLimits, Consumer, Generation, Heartbeat, KafkaSettings, LaneQueue, LogClient, LogWriter, Membership,
    Outgoing, ReadFrom, Replay, Sent, Span, TopicSpec, ensure_topic,
};
use orders::{EventType, Partition, Position};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::common::{self, blocking};
use crate::proxy::Proxy;

const CLIENTS: usize = 20;
const GIVE_UP_AFTER: Duration = Duration::from_secs(60);
const PARTITION: Partition = Partition(0);

/// A topic with one partition, reached through the proxy.
async fn topic() -> (Proxy, KafkaSettings) {
    let mut settings = common::settings().await;
    ensure_topic(&settings, &TopicSpec { partitions: 1, ..TopicSpec::default() }).await.unwrap();
    let proxy = Proxy::before(&settings.bootstrap_servers).await;
    settings.bootstrap_servers = proxy.address.to_string();
    let _ = tracing::subscriber::set_global_default(SlowLog);
    for (name, value) in [
        ("debug", "metadata"),
        // How often a client asks for the brokers. It has no effect on a member of a group.
        ("topic.metadata.refresh.interval.ms", "200"),
    ] {
        settings.properties.push((name.into(), value.to_owned().into()));
    }
    (proxy, settings)
}

/// Logging takes time on librdkafka's thread that handles answers.
struct SlowLog;

impl Subscriber for SlowLog {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "librdkafka"
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {
        std::thread::sleep(Duration::from_millis(1));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

fn write(writer: &mut LogWriter, count: u64) {
    let record = Outgoing {
        event: EventType::OrderPaid,
        key: None,
        value: &[b'x'; 1000],
        content_type: "application/json",
        traceparent: None,
    };
    for _ in 0..count {
        assert_eq!(writer.send(&record).unwrap(), Sent::Queued);
    }
}

/// Returns once every client has received an answer without brokers.
fn hide_brokers(proxy: &Proxy) {
    proxy.hide_brokers(true);
    let began = Instant::now();
    while proxy.hidden() < CLIENTS as u32 {
        assert!(began.elapsed() < GIVE_UP_AFTER, "{} answers only", proxy.hidden());
        std::thread::sleep(Duration::from_millis(10));
    }
    proxy.hide_brokers(false);
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_are_answered_again() {
    let (proxy, settings) = topic().await;
    blocking(move || {
        let clients: Vec<_> = (0..CLIENTS).map(|_| LogClient::new(&settings).unwrap()).collect();
        for client in &clients {
            client.offset_ranges(GIVE_UP_AFTER).unwrap();
        }
        for _ in 0..3 {
            proxy.hide_brokers(true);
            for client in &clients {
                let _ = client.partitions(Duration::from_secs(1));
            }
            proxy.hide_brokers(false);
            std::thread::scope(|scope| {
                for client in &clients {
                    scope.spawn(|| answered(client));
                }
            });
        }
        assert!(proxy.hidden() >= CLIENTS as u32);
    })
    .await;
}

fn answered(client: &LogClient) {
    let began = Instant::now();
    while let Err(error) = client.offset_ranges(Duration::from_secs(1)) {
        assert!(began.elapsed() < GIVE_UP_AFTER, "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn members_of_groups_read_on() {
    let (proxy, settings) = topic().await;
    let mut members = Vec::new();
    for number in 0..CLIENTS {
        let lane = Arc::new(LaneQueue::new(ChunkLimits::default()));
        let group_id = format!("group-{number}-of-{}", settings.topic);
        let heartbeat = Heartbeat::unwatched();
        let membership = Membership { group_id, mark: String::new(), lanes: vec![lane.clone()], heartbeat };
        let (consumer, events) = Consumer::join(&settings, membership).unwrap();
        members.push((consumer, events, lane));
    }
    for (consumer, events, _) in &mut members {
        let assignment = common::first_assignment(events).await;
        let generation = Generation(1);
        consumer.read_from(vec![ReadFrom {
            partition: PARTITION,
            position: Position::START,
            assignment,
            generation,
        }]);
    }
    blocking(move || {
        hide_brokers(&proxy);
        let mut writer = LogWriter::connect(&settings, false).unwrap();
        write(&mut writer, 1);
        writer.finish(GIVE_UP_AFTER).unwrap();
    })
    .await;
    for (number, (_, _, lane)) in members.iter().enumerate() {
        let read = async {
            loop {
                let chunk = lane.take().await;
                if chunk.records().next().is_some() {
                    return;
                }
                lane.recycle(chunk);
            }
        };
        tokio::time::timeout(GIVE_UP_AFTER, read)
            .await
            .unwrap_or_else(|_| panic!("{number} has read nothing"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replays_go_on() {
    const RECORDS: u64 = 2000;
    let (proxy, mut settings) = topic().await;
    // Small fetches, so that most records have not been fetched yet.
    for (name, value) in [("fetch.message.max.bytes", "1000"), ("queued.min.messages", "1")] {
        settings.properties.push((name.into(), value.to_owned().into()));
    }
    let kafka = settings.clone();
    blocking(move || {
        let mut writer = LogWriter::connect(&kafka, false).unwrap();
        write(&mut writer, RECORDS);
        assert_eq!(writer.finish(GIVE_UP_AFTER).unwrap().acknowledged(), RECORDS);
    })
    .await;
    let span = Span { from: Position::START, to: Position(RECORDS as i64) };
    let limits = ChunkLimits { records: 100, bytes: 1 << 20 };
    let mut replays: Vec<_> =
        (0..CLIENTS).map(|_| Replay::start(&settings, [(PARTITION, span)].into(), limits).unwrap()).collect();
    let mut first = Vec::new();
    for replay in &mut replays {
        first.push(replay.next().await.unwrap().unwrap().records().count());
    }
    blocking(move || hide_brokers(&proxy)).await;
    for (replay, mut records) in replays.iter_mut().zip(first) {
        while let Some(chunk) = tokio::time::timeout(GIVE_UP_AFTER, replay.next()).await.expect("to go on") {
            records += chunk.unwrap().records().count();
        }
        assert_eq!(records as u64, RECORDS);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_deliver() {
    let (proxy, settings) = topic().await;
    blocking(move || {
        let mut writers: Vec<_> =
            (0..CLIENTS).map(|_| LogWriter::connect(&settings, false).unwrap()).collect();
        for writer in &mut writers {
            write(writer, 1);
        }
        hide_brokers(&proxy);
        for writer in &mut writers {
            write(writer, 1);
        }
        let began = Instant::now();
        while let Some(behind) = writers.iter().find(|writer| writer.totals().unacknowledged() > 0) {
            assert!(began.elapsed() < GIVE_UP_AFTER, "{behind:?}");
            for writer in &mut writers {
                writer.serve(Duration::from_millis(10)).unwrap();
            }
        }
    })
    .await;
}

/// These writers are served only while they wait at the end.
#[tokio::test(flavor = "multi_thread")]
async fn writers_finish() {
    finish(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_are_committed() {
    finish(true).await;
}

async fn finish(is_transactional: bool) {
    let (proxy, settings) = topic().await;
    blocking(move || {
        let mut writers = Vec::new();
        for number in 0..CLIENTS {
            let mut settings = settings.clone();
            if is_transactional {
                let id = format!("{}-{number}", settings.topic);
                settings.properties.push(("transactional.id".into(), id.into()));
            }
            let mut writer = LogWriter::connect(&settings, is_transactional).unwrap();
            write(&mut writer, 1);
            writers.push(writer);
        }
        hide_brokers(&proxy);
        let finishing = writers.into_iter().map(|writer| std::thread::spawn(|| writer.finish(GIVE_UP_AFTER)));
        for totals in finishing.collect::<Vec<_>>() {
            let totals = totals.join().unwrap().unwrap();
            assert_eq!(totals.unacknowledged(), 0, "{totals:?}");
        }
    })
    .await;
}
