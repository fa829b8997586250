//! Reads the entire topic into memory.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use event_log::{KafkaSettings, header_bytes};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use secrecy::ExposeSecret;

use super::decisions::Decisions;
use super::event::decode;
use super::framed::Schemas;
use super::raw::{Raw, Undecodable};
use super::record::Record;
use super::{Error, Offsets};

const TIMEOUT: Duration = Duration::from_secs(30);

/// The log up to some offsets.
pub struct Log {
    /// The records of each partition, ordered by offset.
    partitions: BTreeMap<i32, Vec<Record>>,
    pub topic: String,
    /// The next offset after the last one that was read, by partition.
    pub upto: Offsets,
}

impl Log {
    /// Reads every partition of `upto` from offset 0 to the offset before the given one. A record that was
    /// retried is decoded whatever its size; one that was discarded, or that a test made PostgreSQL refuse
    /// (`refused`), counts as undecodable.
    pub fn read(
        kafka: &KafkaSettings,
        max_record_bytes: usize,
        refused: &BTreeSet<(i32, i64)>,
        upto: &Offsets,
        decided: &Decisions,
        schemas: &Schemas,
    ) -> Result<Self, Error> {
        let consumer = client(kafka)?;
        let mut log = Self { partitions: BTreeMap::new(), topic: kafka.topic.clone(), upto: upto.clone() };
        let mut open = upto.clone();
        open.retain(|_, upto| *upto > 0);
        let mut assignment = TopicPartitionList::new();
        for partition in open.keys() {
            let (low, _) = watermarks(&consumer, &kafka.topic, *partition)?;
            if low > 0 {
                return Err(Error::Truncated { partition: *partition, begin: low });
            }
            assignment.add_partition_offset(&kafka.topic, *partition, Offset::Offset(0))?;
        }
        consumer.assign(&assignment)?;
        let mut last_arrival = Instant::now();
        while !open.is_empty() {
            match consumer.poll(Duration::from_millis(100)) {
                None if last_arrival.elapsed() > TIMEOUT => {
                    return Err(Error::NothingRead { seconds: TIMEOUT.as_secs(), missing: open });
                }
                None => continue,
                Some(Ok(message)) => {
                    log.take(&message, max_record_bytes, refused, decided, schemas, &mut open)
                }
                // Only transaction markers and aborted records are left up to the position.
                Some(Err(KafkaError::PartitionEOF(partition))) => drop(open.remove(&partition)),
                Some(Err(error)) => return Err(error.into()),
            }
            last_arrival = Instant::now();
        }
        Ok(log)
    }

    fn take(
        &mut self,
        message: &BorrowedMessage<'_>,
        max_record_bytes: usize,
        refused: &BTreeSet<(i32, i64)>,
        decided: &Decisions,
        schemas: &Schemas,
        open: &mut Offsets,
    ) {
        let (partition, offset) = (message.partition(), message.offset());
        let Some(upto) = open.get(&partition).copied() else { return };
        if offset < upto {
            let raw = Raw {
                partition,
                offset,
                millis: message.timestamp().to_millis().unwrap_or(0),
                key: message.key().map(<[u8]>::to_vec),
                value: message.payload().map(<[u8]>::to_vec),
                // rdkafka's own accessor panics on names that are not UTF-8.
                headers: header_bytes(message),
            };
            let appended_at = raw.appended_at();
            let content = match decided.get(&(partition, offset)) {
                Some(decision) if decision.is_retry => decode(&self.topic, schemas, raw, usize::MAX),
                Some(_) => Err(Box::new(Undecodable { faults: Vec::new(), order_id: None, raw })),
                None if refused.contains(&(partition, offset)) => {
                    Err(Box::new(Undecodable { faults: vec!["refused_by_database"], order_id: None, raw }))
                }
                None => decode(&self.topic, schemas, raw, max_record_bytes),
            };
            let record = Record { partition, offset, appended_at, content, found: false };
            self.partitions.entry(partition).or_default().push(record);
        }
        if offset + 1 >= upto {
            open.remove(&partition);
        }
    }

    /// All records, ordered by partition and offset.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.partitions.values().flatten()
    }

    pub fn find(&mut self, partition: i32, offset: i64) -> Option<&mut Record> {
        let records = self.partitions.get_mut(&partition)?;
        let index = records.binary_search_by_key(&offset, |record| record.offset).ok()?;
        records.get_mut(index)
    }

    /// The events of each order, by order id.
    pub fn orders(&self) -> BTreeMap<&str, Vec<&Record>> {
        let mut orders: BTreeMap<&str, Vec<&Record>> = BTreeMap::new();
        for record in self.records() {
            if let Ok(event) = &record.content {
                orders.entry(&event.order_id).or_default().push(record);
            }
        }
        orders
    }
}

/// The last stable offset of each partition: where a reader of committed records ends.
pub fn ends(kafka: &KafkaSettings) -> Result<Offsets, Error> {
    let consumer = client(kafka)?;
    let metadata = consumer.fetch_metadata(Some(&kafka.topic), TIMEOUT)?;
    let partitions = metadata.topics().iter().flat_map(|topic| topic.partitions());
    partitions
        .map(|partition| Ok((partition.id(), watermarks(&consumer, &kafka.topic, partition.id())?.1)))
        .collect()
}

/// The low watermark of a partition, and its last stable offset. A new client may ask while it does not yet know
/// the leader of the partition, and librdkafka then answers at once that it does not know the partition.
fn watermarks(consumer: &BaseConsumer, topic: &str, partition: i32) -> Result<(i64, i64), KafkaError> {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        match consumer.fetch_watermarks(topic, partition, TIMEOUT) {
            Err(error)
                if error.rdkafka_error_code() == Some(RDKafkaErrorCode::UnknownPartition)
                    && Instant::now() < deadline =>
            {
                std::thread::sleep(Duration::from_millis(100));
            }
            answer => return answer,
        }
    }
}

fn client(kafka: &KafkaSettings) -> Result<BaseConsumer, KafkaError> {
    let mut config = ClientConfig::new();
    for (name, value) in &kafka.properties {
        config.set(name, value.expose_secret());
    }
    config
        .set("bootstrap.servers", &kafka.bootstrap_servers)
        // librdkafka demands a group id even of a consumer that joins no group.
        .set("group.id", "food-orders-check")
        .set("enable.auto.commit", "false")
        .set("isolation.level", "read_committed")
        .set("enable.partition.eof", "true")
        .set("auto.offset.reset", "error")
        .create()
}
