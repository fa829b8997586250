//! A topic for each test, and a reader of its records.

use std::time::Duration;

use event_log::{AssignmentId, ChunkLimits, GroupEvent, KafkaSettings, LogClient, Replay, Span};
use local_stack::TestServers;
use orders::{Partition, Position};
use tokio::sync::mpsc::UnboundedReceiver;

/// One record, copied out of its chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    pub partition: i32,
    pub offset: i64,
    pub key: Option<String>,
    pub value: String,
    pub headers: Vec<(String, String)>,
}

pub async fn settings() -> KafkaSettings {
    let servers = TestServers::shared().await.expect("Kafka for the tests");
    KafkaSettings::new(servers.bootstrap_servers(), &servers.fresh_topic_name())
}

/// Runs blocking work on a thread that may block.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

/// The first assignment of a member.
pub async fn first_assignment(events: &mut UnboundedReceiver<GroupEvent>) -> AssignmentId {
    loop {
        match events.recv().await {
            Some(GroupEvent::Admitted) => {}
            Some(GroupEvent::Assigned { assignment, .. }) => return assignment,
            other => panic!("no assignment, but {other:?}"),
        }
    }
}

/// All committed records, ordered by partition and offset.
pub async fn read_all(settings: &KafkaSettings) -> Vec<Read> {
    let client = LogClient::new(settings).unwrap();
    let ends = blocking(move || client.offset_ranges(Duration::from_secs(10))).await;
    let spans = ends
        .unwrap()
        .into_iter()
        .map(|(partition, range)| (partition, Span { from: Position::START, to: range.end_offset }));
    let mut replay = Replay::start(settings, spans.collect(), ChunkLimits::default()).unwrap();
    let mut all = Vec::new();
    while let Some(chunk) = replay.next().await {
        for (_, record) in chunk.unwrap().records() {
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            let Partition(partition) = record.partition;
            let headers = record.headers.iter().map(|(name, value)| (text(name), value.map(text).unwrap()));
            all.push(Read {
                partition,
                offset: record.offset.0,
                key: record.key.map(text),
                value: record.value.map(text).unwrap(),
                headers: headers.collect(),
            });
        }
    }
    all.sort_by_key(|record| (record.partition, record.offset));
    all
}
