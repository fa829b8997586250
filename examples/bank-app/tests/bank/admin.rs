//! What an operator does to topics, and what others do on the same cluster.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use event_log::{LogClient, TopicSpec, ensure_topic};
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::world::{PARTITIONS, World};

const LIMIT: Duration = Duration::from_secs(30);

impl World {
    fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.kafka.bootstrap_servers);
        config
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.config().create().unwrap()
    }

    /// Gives a topic these settings, and the defaults for all others.
    pub async fn set(&self, topic: &str, settings: &[(&str, &str)]) {
        let topic = self.topic(topic);
        let mut change = AlterConfig::new(ResourceSpecifier::Topic(&topic));
        for (name, value) in settings {
            change = change.set(name, value);
        }
        let changed = self.admin().alter_configs([&change], &AdminOptions::new()).await.unwrap();
        changed.into_iter().for_each(|result| drop(result.unwrap()));
    }

    pub async fn create(&self, topic: &str, compacted: bool) {
        let spec = TopicSpec { partitions: PARTITIONS, compacted, ..TopicSpec::default() };
        ensure_topic(&self.kafka.of_topic(&self.topic(topic)), &spec).await.unwrap();
    }

    /// Returns once the topic is gone.
    pub async fn delete(&self, topic: &str) {
        let topic = self.topic(topic);
        let deleted = self.admin().delete_topics(&[&topic], &AdminOptions::new()).await.unwrap();
        deleted.into_iter().for_each(|result| drop(result.unwrap()));
        let client = LogClient::new(&self.kafka.of_topic(&topic)).unwrap();
        let gone = spawn_blocking(move || {
            let deadline = Instant::now() + LIMIT;
            while !client.partitions(LIMIT).unwrap().is_empty() {
                assert!(Instant::now() < deadline, "the topic is still there");
                // Kafka has no request that waits for it.
                std::thread::sleep(Duration::from_millis(50));
            }
        });
        gone.await.unwrap();
    }

    /// Deletes all records of a topic, as retention does.
    pub async fn delete_records(&self, topic: &str) {
        let topic = self.topic(topic);
        let mut all = TopicPartitionList::new();
        for partition in 0..PARTITIONS {
            all.add_partition_offset(&topic, partition, Offset::End).unwrap();
        }
        self.admin().delete_records(&all, &AdminOptions::new()).await.unwrap();
    }

    /// Writes a record in the first partition of a topic, in a transaction that stays open.
    pub async fn open_transaction(&self, topic: &str) -> OpenTransaction {
        let (mut config, topic) = (self.config(), self.topic(topic));
        config.set("transactional.id", format!("foreign-{topic}"));
        let opening = spawn_blocking(move || {
            let producer: BaseProducer = config.create().unwrap();
            producer.init_transactions(LIMIT).unwrap();
            producer.begin_transaction().unwrap();
            producer.send(BaseRecord::to(&topic).partition(0).key("foreign").payload("{}")).unwrap();
            producer.flush(LIMIT).unwrap();
            OpenTransaction(producer)
        });
        opening.await.unwrap()
    }

    /// A member of the application's group that is another program.
    pub fn foreign_member(&self, topics: &[&str]) -> ForeignMember {
        let mut config = self.config();
        config.set("group.id", self.topic("bank-app")).set("partition.assignment.strategy", "range");
        config.set("session.timeout.ms", "6000").set("heartbeat.interval.ms", "500");
        let topics: Vec<_> = topics.iter().map(|name| self.topic(name)).collect();
        let leaves = Arc::new(AtomicBool::new(false));
        let is_told = Arc::clone(&leaves);
        let polling = spawn_blocking(move || {
            let consumer: BaseConsumer = config.create().unwrap();
            let topics: Vec<_> = topics.iter().map(String::as_str).collect();
            consumer.subscribe(&topics).unwrap();
            while !is_told.load(Ordering::Relaxed) {
                drop(consumer.poll(Duration::from_millis(50)));
            }
        });
        ForeignMember { leaves, polling }
    }
}

pub struct OpenTransaction(BaseProducer);

impl OpenTransaction {
    pub async fn abort(self) {
        spawn_blocking(move || self.0.abort_transaction(LIMIT).unwrap()).await.unwrap();
    }
}

pub struct ForeignMember {
    leaves: Arc<AtomicBool>,
    polling: JoinHandle<()>,
}

impl ForeignMember {
    pub async fn leave(mut self) {
        self.leaves.store(true, Ordering::Relaxed);
        (&mut self.polling).await.unwrap();
    }
}

impl Drop for ForeignMember {
    fn drop(&mut self) {
        // A test that has failed must not wait for the thread.
        self.leaves.store(true, Ordering::Relaxed);
    }
}
