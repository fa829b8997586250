//! How to reach Kafka, and which topic is the log.

mod args;
mod clients;
mod extra;
mod fixed;
mod group;

use std::fmt;

use rdkafka::ClientConfig;
use secrecy::{ExposeSecret, SecretString};

pub use args::{ConnectionArgs, KafkaArgs, topic_name};
pub(crate) use fixed::has_new_protocol;
use group::DEFAULT_GROUP;
pub use group::{GroupArgs, GroupId};

/// How to reach Kafka and its topic. The Debug output omits the values of `properties`, since passwords may
/// be among them.
#[derive(Clone)]
pub struct KafkaSettings {
    pub bootstrap_servers: String,
    /// What the names of clients begin with, by which brokers know them.
    pub application: String,
    pub topic: String,
    /// The consumer group. The names of readers without a group begin with it, because librdkafka and Kafka's
    /// access control demand one of each reader.
    pub group: String,
    /// Properties of librdkafka, such as those for TLS and SASL.
    pub properties: Vec<(String, SecretString)>,
}

impl KafkaSettings {
    /// Settings without TLS or SASL.
    #[must_use]
    pub fn new(bootstrap_servers: &str, topic: &str) -> Self {
        Self {
            bootstrap_servers: bootstrap_servers.into(),
            application: "food-orders".into(),
            topic: topic.into(),
            group: DEFAULT_GROUP.into(),
            properties: Vec::new(),
        }
    }

    /// The same for a program that knows the group.
    #[must_use]
    pub fn of_group(self, group: &GroupId) -> Self {
        Self { group: group.to_string(), ..self }
    }

    /// The same for another application, whose readers have names of their own.
    #[must_use]
    pub fn of_application(self, name: &str) -> Self {
        Self { application: name.to_owned(), group: name.to_owned(), ..self }
    }

    /// The same for another topic.
    #[must_use]
    pub fn of_topic(&self, topic: &str) -> Self {
        Self { topic: topic.to_owned(), ..self.clone() }
    }

    /// Whether members of the group ask for the protocol of KIP-848.
    #[must_use]
    pub fn asks_for_new_group_protocol(&self) -> bool {
        has_new_protocol(&self.client_config("check"))
    }

    /// The configuration that all clients share. What the design depends on is set after it.
    #[must_use]
    pub fn client_config(&self, role: &str) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("client.id", format!("{}-{role}", self.application));
        for (name, value) in &self.properties {
            config.set(name, value.expose_secret());
        }
        config.set("bootstrap.servers", &self.bootstrap_servers);
        // Everything is read from the leader, which also reports the end offsets: the log of a follower
        // may end earlier.
        config.set("client.rack", "");
        config
    }
}

impl fmt::Debug for KafkaSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.properties.iter().map(|(name, _)| name).collect();
        f.debug_struct("KafkaSettings")
            .field("bootstrap_servers", &self.bootstrap_servers)
            .field("topic", &self.topic)
            .field("group", &self.group)
            .field("properties", &names)
            .finish()
    }
}
