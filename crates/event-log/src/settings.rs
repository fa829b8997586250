//! How to reach Kafka, and which topic is the log.

mod args;
mod group;

use std::fmt;

use rdkafka::ClientConfig;
use secrecy::{ExposeSecret, SecretString};

pub use args::KafkaArgs;
pub use group::{GroupArgs, GroupId};

/// What waits in librdkafka is bounded by these and one fetch, whatever the backlog. A fetch is
/// counted as it is compressed; of each partition it takes a long run, so that more events of
/// an order fold before they are written.
const READ_AHEAD: [(&str, &str); 4] = [
    ("fetch.message.max.bytes", "1048576"),
    ("fetch.max.bytes", "2097152"),
    ("queued.max.messages.kbytes", "8192"),
    ("queued.min.messages", "30000"),
];

/// Prints without the values of `properties`: passwords may be among them.
#[derive(Clone)]
pub struct KafkaSettings {
    pub bootstrap_servers: String,
    pub topic: String,
    /// librdkafka's own properties: TLS, SASL, anything else.
    pub properties: Vec<(String, SecretString)>,
}

impl KafkaSettings {
    /// Without TLS or SASL.
    #[must_use]
    pub fn new(bootstrap_servers: &str, topic: &str) -> Self {
        Self { bootstrap_servers: bootstrap_servers.into(), topic: topic.into(), properties: Vec::new() }
    }

    /// The part that all clients share. What the design depends on is set after it.
    #[must_use]
    pub fn client_config(&self, role: &str) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("client.id", format!("food-orders-{role}"));
        for (name, value) in &self.properties {
            config.set(name, value.expose_secret());
        }
        config.set("bootstrap.servers", &self.bootstrap_servers);
        // All is read from the leader, who tells the end offsets: a follower's log may end before.
        config.set("client.rack", "");
        config
    }

    /// For reading much, unless a user's properties say otherwise.
    pub(crate) fn read_ahead(config: &mut ClientConfig) {
        for (name, value) in READ_AHEAD {
            if config.get(name).is_none() {
                config.set(name, value);
            }
        }
    }

    /// For reading without a group, from offsets that are given.
    pub(crate) fn reader_config(&self, role: &str) -> ClientConfig {
        let mut config = self.client_config(role);
        for (name, value) in [
            ("enable.auto.commit", "false"),
            ("enable.auto.offset.store", "false"),
            ("auto.offset.reset", "error"),
            ("isolation.level", "read_committed"),
            ("check.crcs", "true"),
            ("enable.partition.eof", "true"),
            ("fetch.queue.backoff.ms", "10"),
        ] {
            config.set(name, value);
        }
        // librdkafka wants a name to assign by hand; nothing joins or commits.
        config.set("group.id", format!("food-orders-{role}"));
        config
    }
}

impl fmt::Debug for KafkaSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.properties.iter().map(|(name, _)| name).collect();
        f.debug_struct("KafkaSettings")
            .field("bootstrap_servers", &self.bootstrap_servers)
            .field("topic", &self.topic)
            .field("properties", &names)
            .finish()
    }
}
