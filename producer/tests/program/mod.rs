//! The producer as a child process, and the topic that it writes to.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on ends")]

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use event_log::{ChunkLimits, EndsWatch, Heartbeat, KafkaSettings, LogClient, LogEnds, Replay, Span};
use local_stack::TestServers;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use orders::decode::Envelope;
use orders::record::Headers;
use orders::{Decoded, LogOrder, Offset, Partition, Position, Time, decode};

pub struct Topic(KafkaSettings);

/// One record of the topic.
#[derive(Debug, PartialEq, Eq)]
pub struct Record {
    pub partition: i32,
    pub offset: i64,
    pub key: Option<String>,
    pub value: Vec<u8>,
}

impl Record {
    pub fn decode(&self) -> Decoded<'_> {
        let (partition, offset) = (Partition(self.partition), Offset(self.offset));
        let at = LogOrder { appended_at: Time::from_millis(0), partition, offset };
        let envelope = Envelope { at, key_bytes: 0, headers: Headers::default(), max_bytes: 10_000 };
        decode(envelope, Some(&self.value)).unwrap()
    }
}

impl Topic {
    pub async fn fresh() -> Self {
        let servers = TestServers::shared().await.expect("Kafka for the tests");
        Self(KafkaSettings::new(servers.bootstrap_servers(), &servers.fresh_topic_name()))
    }

    /// A topic at an address where no broker answers.
    pub fn nowhere() -> Self {
        Self(KafkaSettings::new("127.0.0.1:1", "food-orders"))
    }

    /// All records, by partition and offset.
    pub async fn read(&self) -> Vec<Record> {
        let spans = self.settled_spans().await;
        let mut replay = Replay::start(&self.0, spans.into_iter().collect(), ChunkLimits::default()).unwrap();
        let mut all = Vec::new();
        while let Some(chunk) = replay.next().await {
            for (_, record) in chunk.unwrap().records() {
                all.push(Record {
                    partition: record.partition.0,
                    offset: record.offset.0,
                    key: record.key.map(|key| String::from_utf8(key.to_vec()).unwrap()),
                    value: record.value.unwrap().to_vec(),
                });
            }
        }
        all.sort_by_key(|record| (record.partition, record.offset));
        all
    }

    pub async fn wait_for_records(&self, count: i64) {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            // The producer creates the topic, so it may not exist yet.
            let spans = self.spans().await.unwrap_or_default();
            if spans.iter().map(|(_, span)| span.to.0).sum::<i64>() >= count {
                return;
            }
            assert!(Instant::now() < deadline, "no {count} records in 30 s");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The spans once every transaction has ended. Kafka answers a commit before all partitions have its marker, and
    /// until then a reader of committed records does not get to the end.
    async fn settled_spans(&self) -> Vec<(Partition, Span)> {
        // It asks until it is dropped.
        let watch = EndsWatch::start(&self.0, Duration::from_millis(50), Heartbeat::unwatched()).unwrap();
        let mut ends = watch.latest.clone();
        let is_settled = |ends: &Option<LogEnds>| {
            let Some(ends) = ends else { return false };
            let high = |partition| ends.high_watermarks.get(partition);
            ends.ranges.iter().all(|(partition, range)| high(*partition) == Some(range.end_offset))
        };
        let settled = tokio::time::timeout(Duration::from_secs(30), ends.wait_for(is_settled));
        drop(settled.await.expect("a transaction has been open for 30 s").expect("the watch goes on"));
        self.spans().await.expect("the topic's last stable offsets")
    }

    async fn spans(&self) -> event_log::Result<Vec<(Partition, Span)>> {
        let client = LogClient::new(&self.0)?;
        let ends = tokio::task::spawn_blocking(move || client.offset_ranges(Duration::from_secs(10)));
        let ends = ends.await.unwrap()?.into_iter();
        Ok(ends
            .map(|(partition, ends)| (partition, Span { from: Position::START, to: ends.end_offset }))
            .collect())
    }
}

pub struct Producer(Child);

/// How the producer ended.
pub struct End {
    pub code: Option<i32>,
    /// The text that it wrote to standard error.
    pub log: String,
}

impl Producer {
    pub fn start(topic: &Topic, flags: &[&str]) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_producer"))
            .env("KAFKA_BOOTSTRAP_SERVERS", &topic.0.bootstrap_servers)
            .env("KAFKA_TOPIC", &topic.0.topic)
            .args(flags)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self(child)
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.0.id() as i32), signal).unwrap();
    }

    pub fn end(self) -> End {
        let output = self.0.wait_with_output().unwrap();
        End { code: output.status.code(), log: String::from_utf8(output.stderr).unwrap() }
    }
}

/// Waits until a program listens at the address.
pub async fn wait_for_listener(address: &str) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while tokio::net::TcpStream::connect(address).await.is_err() {
        assert!(Instant::now() < deadline, "nothing listens at {address}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
