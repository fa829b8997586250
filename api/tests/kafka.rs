//! A real Kafka topic, for the tests that need one.

use std::time::Duration;

use event_log::KafkaSettings;
use event_log::produce::{LogWriter, Outgoing, Sent};
use event_log::topic::{TopicSpec, ensure_topic};
use orders::EventType;

pub struct Topic {
    pub settings: KafkaSettings,
}

impl Topic {
    /// Creates a topic with this many partitions.
    pub async fn new(partitions: i32) -> Self {
        let servers = local_stack::TestServers::shared().await.unwrap();
        let settings = KafkaSettings::new(servers.bootstrap_servers(), &servers.fresh_topic_name());
        ensure_topic(&settings, &TopicSpec { partitions, ..TopicSpec::default() }).await.unwrap();
        Self { settings }
    }

    pub fn flags(&self) -> [&str; 4] {
        ["--kafka-bootstrap-servers", &self.settings.bootstrap_servers, "--kafka-topic", &self.settings.topic]
    }

    /// Writes an OrderCreated for each id.
    pub async fn create_orders(&self, ids: &[&str]) {
        let (settings, ids) =
            (self.settings.clone(), ids.iter().map(ToString::to_string).collect::<Vec<_>>());
        let written = tokio::task::spawn_blocking(move || {
            let mut writer = LogWriter::connect(&settings, false).unwrap();
            for id in ids {
                let value = format!(r#"{{"event":"OrderCreated","order_id":"{id}"}}"#);
                let record = Outgoing {
                    event: EventType::OrderCreated,
                    key: Some(&id),
                    value: value.as_bytes(),
                    content_type: "application/json",
                    traceparent: None,
                };
                assert_eq!(writer.send(&record).unwrap(), Sent::Queued);
            }
            writer.finish(Duration::from_secs(20)).unwrap();
        });
        written.await.unwrap();
    }
}
