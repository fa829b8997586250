//! The committed records of a topic.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use event_log::{ChunkLimits, KafkaSettings, LogClient, Replay, Span};
use serde_json::Value;

const LIMIT: Duration = Duration::from_secs(10);
/// Longer than a transaction of a process that was killed can stay open: 10 s, and the 10 s after which a broker looks again.
const SETTLED_WITHIN: Duration = Duration::from_secs(60);

#[derive(Clone, Debug)]
pub struct Record {
    pub offset: i64,
    pub at_ms: i64,
    pub value: Vec<u8>,
}

impl Record {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.value).unwrap_or(Value::Null)
    }
}

/// By partition, in the order of their offsets.
pub type Records = BTreeMap<i32, Vec<Record>>;

/// All records up to the end, once no transaction is open on the topic.
pub async fn read(kafka: &KafkaSettings) -> Records {
    let client = LogClient::new(kafka).unwrap();
    let spans = tokio::task::spawn_blocking(move || {
        let deadline = Instant::now() + SETTLED_WITHIN;
        loop {
            if let (Ok(ranges), Ok(ends)) = (client.offset_ranges(LIMIT), client.high_watermarks(LIMIT))
                && ranges.iter().all(|(partition, range)| ends.get(partition) == Some(&range.end_offset))
            {
                break ranges;
            }
            assert!(Instant::now() < deadline, "a transaction stays open");
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    let spans = spans.await.unwrap().into_iter();
    let spans: BTreeMap<_, _> = spans
        .map(|(partition, range)| (partition, Span { from: range.low_watermark, to: range.end_offset }))
        .collect();
    let mut records: Records = spans.keys().map(|partition| (partition.0, Vec::new())).collect();
    let mut replay = Replay::start(kafka, spans, ChunkLimits::default()).unwrap();
    while let Some(chunk) = replay.next().await {
        for (_, record) in chunk.unwrap().records() {
            // The program's positions are not compared: they follow from what is.
            if record.key == Some(b"#positions") {
                continue;
            }
            records.get_mut(&record.partition.0).unwrap().push(Record {
                offset: record.offset.0,
                at_ms: record.appended_millis,
                value: record.value.unwrap_or_default().to_vec(),
            });
        }
    }
    records
}
