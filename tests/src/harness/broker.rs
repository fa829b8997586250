//! What a test does to the topic and the group by itself.

use std::collections::BTreeMap;
use std::io::PipeWriter;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::{ClientContext, DefaultClientContext};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::{GIVE_UP_AFTER, Program, Stage, eventually};
use crate::oracle::Offsets;

/// A record to send, with any bytes as its value.
#[derive(Clone, Debug, Default)]
pub struct NewRecord {
    pub partition: Option<i32>,
    pub key: Option<String>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(&'static str, &'static str)>,
}

/// A record without a key or headers.
pub fn raw(value: impl Into<Vec<u8>>) -> NewRecord {
    NewRecord { value: Some(value.into()), ..NewRecord::default() }
}

impl Stage {
    fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.kafka.bootstrap_servers);
        config
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.client().create().unwrap()
    }

    /// Creates the topic the way our programs do.
    pub async fn create_topic(&self, partitions: i32) {
        let topic = NewTopic::new(&self.kafka.topic, partitions, TopicReplication::Fixed(-1))
            .set("message.timestamp.type", "LogAppendTime")
            .set("retention.ms", "-1");
        // With a ZooKeeper, a topic that was deleted is in the way for a moment longer than the brokers know it.
        eventually("the topic can be created", GIVE_UP_AFTER, async || {
            let results = self.admin().create_topics([&topic], &AdminOptions::new()).await.unwrap();
            match &results[0] {
                Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => None,
                created => {
                    created.as_ref().unwrap();
                    Some(())
                }
            }
        })
        .await;
    }

    /// Creates the topic with the replicas of each partition on these brokers, the preferred leader first.
    pub async fn create_topic_on(&self, brokers: &[&[i32]]) {
        let topic =
            NewTopic::new(&self.kafka.topic, brokers.len() as i32, TopicReplication::Variable(brokers))
                .set("message.timestamp.type", "LogAppendTime")
                .set("retention.ms", "-1");
        let results = self.admin().create_topics([&topic], &AdminOptions::new()).await.unwrap();
        results[0].as_ref().unwrap();
    }

    /// Deletes the topic, and waits until the brokers no longer know it.
    pub async fn delete_topic(&self) {
        let results = self.admin().delete_topics(&[&self.kafka.topic], &AdminOptions::new()).await.unwrap();
        results[0].as_ref().unwrap();
        eventually("the topic is deleted", GIVE_UP_AFTER, async || {
            self.ends().await.is_empty().then_some(())
        })
        .await;
    }

    /// Raises the topic's number of partitions to `to`.
    pub async fn raise_partitions(&self, to: usize) {
        let more = NewPartitions::new(&self.kafka.topic, to);
        let results = self.admin().create_partitions(&[more], &AdminOptions::new()).await.unwrap();
        results[0].as_ref().unwrap();
    }

    /// Deletes the records of a partition below the offset `before`.
    pub async fn delete_records(&self, partition: i32, before: i64) {
        let mut offsets = TopicPartitionList::new();
        offsets.add_partition_offset(&self.kafka.topic, partition, Offset::Offset(before)).unwrap();
        self.admin().delete_records(&offsets, &AdminOptions::new()).await.unwrap();
    }

    /// Sends the records, and returns once all are acknowledged.
    pub async fn send(&self, records: Vec<NewRecord>) {
        let producer: BaseProducer =
            self.client().set("acks", "all").set("message.max.bytes", "1048576").create().unwrap();
        let topic = self.kafka.topic.clone();
        tokio::task::spawn_blocking(move || send(&producer, &topic, &records)).await.unwrap();
    }

    /// Sends the records, and gives up after 5 s.
    pub async fn try_send(&self, records: Vec<NewRecord>) -> Result<(), KafkaError> {
        let producer: BaseProducer<Refusals> = self
            .client()
            .set("acks", "all")
            .set("message.timeout.ms", "5000")
            .create_with_context(Refusals::default())
            .unwrap();
        let topic = self.kafka.topic.clone();
        let sent = tokio::task::spawn_blocking(move || {
            send(&producer, &topic, &records);
            let refused = producer.context().0.lock().unwrap().take();
            refused.map_or(Ok(()), Err)
        });
        sent.await.unwrap()
    }

    /// Sends the records in a transaction, which is then committed or aborted. Returns once its markers are in the log.
    pub async fn send_in_transaction(&self, records: Vec<NewRecord>, commit: bool) {
        let id = format!("transactions-of-{}", self.kafka.topic);
        let producer: BaseProducer = self.client().set("transactional.id", id).create().unwrap();
        let topic = self.kafka.topic.clone();
        let sent = tokio::task::spawn_blocking(move || {
            producer.init_transactions(GIVE_UP_AFTER)?;
            producer.begin_transaction()?;
            send(&producer, &topic, &records);
            if commit {
                producer.commit_transaction(GIVE_UP_AFTER)
            } else {
                producer.abort_transaction(GIVE_UP_AFTER)
            }
        });
        sent.await.unwrap().unwrap();
        self.wait_for_markers().await;
    }

    /// Waits until no partition ends in an open transaction. The brokers answer that one has ended before they write its
    /// markers.
    pub async fn wait_for_markers(&self) {
        let consumer: BaseConsumer =
            self.client().set("isolation.level", "read_uncommitted").create().unwrap();
        let consumer = Arc::new(consumer);
        eventually("no partition ends in an open transaction", GIVE_UP_AFTER, async || {
            let (consumer, topic) = (consumer.clone(), self.kafka.topic.clone());
            let partitions = self.ends().await.into_keys();
            let high_watermarks = tokio::task::spawn_blocking(move || {
                let of = |partition| consumer.fetch_watermarks(&topic, partition, GIVE_UP_AFTER).ok();
                partitions.map(|partition| Some((partition, of(partition)?.1))).collect::<Option<Offsets>>()
            });
            let high_watermarks = high_watermarks.await.unwrap()?;
            // These are the last stable offsets.
            (self.ends().await == high_watermarks).then_some(())
        })
        .await;
    }

    /// Sends the records in a transaction that stays open.
    pub async fn send_in_open_transaction(&self, records: Vec<NewRecord>) -> OpenTransaction {
        let id = format!("open-transaction-of-{}", self.kafka.topic);
        let producer: BaseProducer = self.client().set("transactional.id", id).create().unwrap();
        let topic = self.kafka.topic.clone();
        let sent = tokio::task::spawn_blocking(move || {
            producer.init_transactions(GIVE_UP_AFTER).unwrap();
            producer.begin_transaction().unwrap();
            send(&producer, &topic, &records);
            OpenTransaction(producer)
        });
        sent.await.unwrap()
    }

    /// Sets the group offsets in Kafka, whatever the database contains. Kafka allows it only while the group
    /// has no members.
    pub async fn set_group_offsets(&self, offsets: &BTreeMap<i32, i64>) {
        let consumer: BaseConsumer = self.client().set("group.id", &self.group).create().unwrap();
        let mut list = TopicPartitionList::new();
        for (partition, offset) in offsets {
            list.add_partition_offset(&self.kafka.topic, *partition, Offset::Offset(*offset)).unwrap();
        }
        let commit = tokio::task::spawn_blocking(move || consumer.commit(&list, CommitMode::Sync));
        commit.await.unwrap().unwrap();
    }

    /// How many members the group has.
    pub async fn members(&self) -> usize {
        let consumer: BaseConsumer = self.client().create().unwrap();
        let group = self.group.clone();
        let count = tokio::task::spawn_blocking(move || {
            let list = consumer.fetch_group_list(Some(&group), GIVE_UP_AFTER).unwrap();
            list.groups().iter().map(|group| group.members().len()).sum()
        });
        count.await.unwrap()
    }

    /// Starts Kafka's own console producer, and returns the pipe to type into.
    pub fn console_producer(&self, arguments: &str) -> (Program, PipeWriter) {
        let (keyboard, typing) = std::io::pipe().unwrap();
        let program = self
            .program("local-stack")
            .args("kafka console-producer")
            .args(&format!(
                "--bootstrap-server {} --topic {}",
                self.kafka.bootstrap_servers, self.kafka.topic
            ))
            .args(arguments)
            .stdin(keyboard)
            .start();
        (program, typing)
    }

    /// The group offsets in Kafka, of the partitions that have one.
    pub async fn group_offsets(&self) -> BTreeMap<i32, i64> {
        let consumer: BaseConsumer = self.client().set("group.id", &self.group).create().unwrap();
        let mut asked = TopicPartitionList::new();
        for partition in self.ends().await.keys() {
            asked.add_partition(&self.kafka.topic, *partition);
        }
        let consumer = Arc::new(consumer);
        // The first question makes the brokers create their topic for groups, which takes a moment.
        let answer = eventually("the group's coordinator answers", GIVE_UP_AFTER, async || {
            let (consumer, asked) = (consumer.clone(), asked.clone());
            let answer =
                tokio::task::spawn_blocking(move || consumer.committed_offsets(asked, GIVE_UP_AFTER));
            answer.await.unwrap().ok()
        })
        .await;
        let elements = answer.elements();
        let known = elements.iter().filter_map(|one| Some((one.partition(), one.offset().to_raw()?)));
        // librdkafka answers −1001 for a partition without a group offset.
        known.filter(|(_, offset)| *offset >= 0).collect()
    }
}

/// Keeps the last error of a delivery.
#[derive(Default)]
struct Refusals(Mutex<Option<KafkaError>>);

impl ClientContext for Refusals {}

impl ProducerContext for Refusals {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            *self.0.lock().unwrap() = Some(error.clone());
        }
    }
}

/// The transaction of [`Stage::send_in_open_transaction`].
pub struct OpenTransaction(BaseProducer);

impl OpenTransaction {
    pub async fn commit(self) {
        let done = tokio::task::spawn_blocking(move || self.0.commit_transaction(GIVE_UP_AFTER));
        done.await.unwrap().unwrap();
    }
}

fn send<C: ProducerContext<DeliveryOpaque = ()>>(
    producer: &BaseProducer<C>,
    topic: &str,
    records: &[NewRecord],
) {
    for NewRecord { partition, key, value, headers } in records {
        let mut record = BaseRecord::<str, [u8]>::to(topic);
        record.partition = *partition;
        record.key = key.as_deref();
        record.payload = value.as_deref();
        for (key, value) in headers {
            let all = record.headers.unwrap_or_default();
            record.headers = Some(all.insert(Header { key, value: Some(*value) }));
        }
        producer.send(record).map_err(|(error, _)| error).unwrap();
        producer.poll(Duration::ZERO);
    }
    producer.flush(GIVE_UP_AFTER).unwrap();
}
