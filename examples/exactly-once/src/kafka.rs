//! Kafka, as the scenes use it.

use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::{ClientContext, DefaultClientContext};
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{Consumer, ConsumerContext, StreamConsumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{Offset, TopicPartitionList};
use uuid::Uuid;

use crate::{Result, failed};

const LIMIT: Duration = Duration::from_secs(30);

pub type Producer = FutureProducer<Quiet>;
pub type Reader = StreamConsumer<Quiet>;

/// A client of the scenes says nothing of lost connections and of ends that were reached, because the scenes cause both.
#[derive(Clone)]
pub struct Quiet;

impl ClientContext for Quiet {
    fn log(&self, _: RDKafkaLogLevel, _: &str, _: &str) {}

    fn error(&self, _: KafkaError, _: &str) {}
}

impl ConsumerContext for Quiet {}

/// `host:port` of a broker.
pub struct Kafka(pub String);

/// Properties of a client, by name.
pub type Properties<'a> = &'a [(&'a str, &'a str)];

impl Kafka {
    fn config(&self, properties: Properties<'_>) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.0);
        for (name, value) in properties {
            config.set(*name, *value);
        }
        config
    }

    /// Makes a topic of one partition and one replica, with a name that nobody else uses.
    pub async fn topic(&self, scene: &str) -> Result<String> {
        let name = format!("exactly-once-{scene}-{}", Uuid::new_v4().simple());
        let topic = NewTopic::new(&name, 1, TopicReplication::Fixed(1));
        for made in self.admin()?.create_topics([&topic], &options()).await? {
            made.map_err(|(topic, error)| failed(format!("the topic {topic} cannot be made: {error}")))?;
        }
        Ok(name)
    }

    pub async fn remove(&self, topic: &str) -> Result<()> {
        self.admin()?.delete_topics(&[topic], &options()).await?;
        Ok(())
    }

    fn admin(&self) -> Result<AdminClient<DefaultClientContext>> {
        Ok(self.config(&[]).create()?)
    }

    pub fn producer(&self, properties: Properties<'_>) -> Result<Producer> {
        Ok(self.config(properties).create_with_context(Quiet)?)
    }

    pub fn consumer(&self, properties: Properties<'_>) -> Result<Reader> {
        Ok(self.config(properties).create_with_context(Quiet)?)
    }

    /// All records of the only partition, as offset and text. `isolation` says which records of transactions are read.
    pub async fn read(&self, topic: &str, isolation: &str) -> Result<Vec<(i64, String)>> {
        let properties =
            [("group.id", "exactly-once"), ("isolation.level", isolation), ("enable.partition.eof", "true")];
        let consumer = self.consumer(&properties)?;
        let mut from = TopicPartitionList::new();
        from.add_partition_offset(topic, 0, Offset::Beginning)?;
        consumer.assign(&from)?;
        let mut records = Vec::new();
        loop {
            let next = tokio::time::timeout(LIMIT, consumer.recv()).await;
            match next.map_err(|_| failed("Kafka has not answered for 30 s"))? {
                Ok(record) => records.push((record.offset(), text(&record))),
                Err(KafkaError::PartitionEOF(_)) => return Ok(records),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Sends a record and returns its offset.
pub async fn send(producer: &Producer, topic: &str, value: &str) -> std::result::Result<i64, KafkaError> {
    let record = FutureRecord::<(), str>::to(topic).partition(0).payload(value);
    producer.send(record, LIMIT).await.map(|delivery| delivery.offset).map_err(|(error, _)| error)
}

pub fn text(record: &impl Message) -> String {
    String::from_utf8_lossy(record.payload().unwrap_or_default()).into_owned()
}

fn options() -> AdminOptions {
    AdminOptions::new().operation_timeout(Some(LIMIT))
}
