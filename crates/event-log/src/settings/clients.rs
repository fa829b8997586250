//! What each kind of client sets.

use rdkafka::ClientConfig;

use super::{KafkaSettings, fixed};

/// Limits on the records that wait inside librdkafka, whatever the backlog; one more fetch may exceed
/// them. Fetch sizes count compressed data. A fetch takes a long run of each partition, so that more
/// events of an order are folded before they are written.
const READ_AHEAD: [(&str, &str); 4] = [
    ("fetch.message.max.bytes", "1048576"),
    ("fetch.max.bytes", "2097152"),
    ("queued.max.messages.kbytes", "8192"),
    ("queued.min.messages", "30000"),
];

/// Defaults of a member in the classic protocol of groups, which `KAFKA_PROPERTIES` may change.
const CLASSIC_DEFAULTS: [(&str, &str); 2] = [
    ("partition.assignment.strategy", "cooperative-sticky"),
    // Handing partitions over takes a few heartbeats.
    ("heartbeat.interval.ms", "500"),
];
/// Defaults of a writer that `KAFKA_PROPERTIES` may change.
const WRITER_DEFAULTS: [(&str, &str); 7] = [
    ("compression.type", "lz4"),
    ("linger.ms", "5"),
    ("batch.size", "262144"),
    ("queue.buffering.max.messages", "200000"),
    ("queue.buffering.max.kbytes", "131072"),
    ("delivery.timeout.ms", "120000"),
    // The partitioner of the Java clients, so that kafka-console-producer sends a key to the same
    // partition.
    ("partitioner", "murmur2_random"),
];
/// Defaults of a member that commits in transactions.
const TRANSACTIONAL_MEMBER_DEFAULTS: [(&str, &str); 3] =
    [("session.timeout.ms", "10000"), ("heartbeat.interval.ms", "500"), fixed::METADATA_INTERVAL];
/// Defaults of its transactions. Readers of committed records wait for the open one of a killed process until it times out.
const TRANSACTIONAL_WRITER_DEFAULTS: [(&str, &str); 2] =
    [("transaction.timeout.ms", "10000"), ("delivery.timeout.ms", "9000")];

impl KafkaSettings {
    /// For reading from given offsets, without a group.
    pub(crate) fn reader_config(&self, role: &str) -> ClientConfig {
        let mut config = self.client_config(role);
        set(&mut config, &fixed::READING);
        // librdkafka requires a group id to assign partitions by hand; the client neither joins nor commits.
        config.set("group.id", format!("{}-{role}", self.group));
        config
    }

    /// The same, for reading large amounts.
    pub(crate) fn replay_config(&self) -> ClientConfig {
        let mut config = self.reader_config("replay");
        read_ahead(&mut config);
        config
    }

    /// For a member of the group.
    pub(crate) fn member_config(&self, group_id: &str) -> ClientConfig {
        let mut config = self.client_config("consumer");
        let has_new_protocol = fixed::has_new_protocol(&config);
        if !has_new_protocol {
            set_defaults(&mut config, &CLASSIC_DEFAULTS);
        }
        read_ahead(&mut config);
        config.set("group.id", group_id);
        set(&mut config, &fixed::READING);
        set(&mut config, &[fixed::METADATA_INTERVAL]);
        if !has_new_protocol {
            set(&mut config, &[fixed::SESSION_TIMEOUT]);
        }
        config
    }

    /// For a member that commits its offsets in the transactions of its outputs.
    pub(crate) fn transactional_member_config(&self, group_id: &str) -> ClientConfig {
        let mut config = self.client_config("consumer");
        set_defaults(&mut config, &TRANSACTIONAL_MEMBER_DEFAULTS);
        read_ahead(&mut config);
        config.set("group.id", group_id);
        set(&mut config, &fixed::READING);
        set(&mut config, &fixed::TRANSACTIONAL_MEMBER);
        config
    }

    /// For the transactions of such a member.
    pub(crate) fn transactional_writer_config(&self, transactional_id: &str) -> ClientConfig {
        let mut config = self.client_config("producer");
        set_defaults(&mut config, &TRANSACTIONAL_WRITER_DEFAULTS);
        set_defaults(&mut config, &WRITER_DEFAULTS);
        set(&mut config, &fixed::WRITING);
        config.set("transactional.id", transactional_id);
        config
    }

    /// For writing to the topic.
    pub(crate) fn writer_config(&self, transactional: bool) -> ClientConfig {
        let mut config = self.client_config("producer");
        set_defaults(&mut config, &WRITER_DEFAULTS);
        set(&mut config, &fixed::WRITING);
        if transactional {
            // This must be shorter than the time-out of a transaction, which is 60 s.
            config.set("delivery.timeout.ms", "50000");
            if config.get("transactional.id").is_none() {
                config.set("transactional.id", format!("food-orders-producer-{}", self.topic));
            }
        }
        config
    }
}

fn set(config: &mut ClientConfig, properties: &[(&str, &str)]) {
    for (name, value) in properties {
        config.set(*name, *value);
    }
}

fn read_ahead(config: &mut ClientConfig) {
    let has = |name| config.get(name).is_some();
    // librdkafka refuses fetches that are smaller than the largest message, and chooses their size if nobody does.
    let is_chosen = has("message.max.bytes") && !has("fetch.max.bytes");
    set_defaults(config, &READ_AHEAD);
    if is_chosen {
        config.remove("fetch.max.bytes");
    }
}

/// Leaves the user's values.
fn set_defaults(config: &mut ClientConfig, properties: &[(&str, &str)]) {
    for (name, value) in properties {
        if config.get(name).is_none() {
            config.set(*name, *value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_do_not_reach_what_the_design_depends_on() {
        let settings = KafkaSettings {
            properties: vec![
                ("auto.offset.reset".into(), "latest".to_owned().into()),
                ("enable.auto.commit".into(), "true".to_owned().into()),
                ("heartbeat.interval.ms".into(), "900".to_owned().into()),
                ("client.rack".into(), "here".to_owned().into()),
            ],
            ..KafkaSettings::new("localhost:9092", "food-orders")
        };
        let config = settings.member_config("g");
        assert_eq!(config.get("auto.offset.reset"), Some("error"));
        assert_eq!(config.get("enable.auto.commit"), Some("false"));
        assert_eq!(config.get("heartbeat.interval.ms"), Some("900"));
        assert_eq!(config.get("client.rack"), Some(""));
    }

    #[test]
    fn the_new_protocol_of_groups_gets_only_properties_that_go_with_it() {
        let properties = vec![("group.protocol".into(), "Consumer".to_owned().into())];
        let settings = KafkaSettings { properties, ..KafkaSettings::new("localhost:9092", "food-orders") };
        let config = settings.member_config("g");
        for name in ["session.timeout.ms", "heartbeat.interval.ms", "partition.assignment.strategy"] {
            assert_eq!(config.get(name), None, "{name}");
        }
    }
}
