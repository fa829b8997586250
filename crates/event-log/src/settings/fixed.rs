//! The properties that the design depends on. They are set last, whatever the user's properties say.

use rdkafka::ClientConfig;
use rdkafka::config::FromClientConfig;
use rdkafka::consumer::BaseConsumer;
use rdkafka::error::KafkaError;
use rdkafka::producer::BaseProducer;
use settings::Invalid;

use super::KafkaSettings;

/// What every reader of the log sets.
pub(super) const READING: [(&str, &str); 7] = [
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    ("auto.offset.reset", "error"),
    ("isolation.level", "read_committed"),
    ("check.crcs", "true"),
    ("enable.partition.eof", "true"),
    ("fetch.queue.backoff.ms", "10"),
];
/// What a member of the group sets in addition.
pub(super) const METADATA_INTERVAL: (&str, &str) = ("topic.metadata.refresh.interval.ms", "5000");
/// What a member sets in the classic protocol of groups. In the protocol of KIP-848 the broker decides.
pub(super) const SESSION_TIMEOUT: (&str, &str) = ("session.timeout.ms", "10000");
/// What a member sets that commits in transactions. The assignor gives the same partitions of all topics to one member, which
/// neither the sticky ones nor the protocol of KIP-848 promise.
pub(super) const TRANSACTIONAL_MEMBER: [(&str, &str); 2] =
    [("partition.assignment.strategy", "range"), ("group.protocol", "classic")];
/// What every writer sets.
pub(super) const WRITING: [(&str, &str); 2] = [("acks", "all"), ("enable.idempotence", "true")];
/// librdkafka's other names of properties (`_RK_C_ALIAS` in its rdkafka_conf.c), and the names that are used here. Of two
/// names of one property, librdkafka would take the value that it happens to be given last.
const ALIASES: [(&str, &str); 12] = [
    ("metadata.broker.list", "bootstrap.servers"),
    ("max.in.flight", "max.in.flight.requests.per.connection"),
    ("sasl.mechanism", "sasl.mechanisms"),
    ("sasl.oauthbearer.client.credentials.client.id", "sasl.oauthbearer.client.id"),
    ("sasl.oauthbearer.client.credentials.client.secret", "sasl.oauthbearer.client.secret"),
    ("max.partition.fetch.bytes", "fetch.message.max.bytes"),
    ("queue.buffering.max.ms", "linger.ms"),
    ("message.send.max.retries", "retries"),
    ("compression.codec", "compression.type"),
    ("request.required.acks", "acks"),
    ("message.timeout.ms", "delivery.timeout.ms"),
    ("auto.commit.enable", "enable.auto.commit"),
];
/// Properties that have settings of their own.
const VARIABLES: [(&str, &str); 8] = [
    ("security.protocol", "KAFKA_SECURITY_PROTOCOL"),
    ("sasl.mechanisms", "KAFKA_SASL_MECHANISM"),
    ("sasl.username", "KAFKA_SASL_USERNAME"),
    ("sasl.password", "KAFKA_SASL_PASSWORD"),
    ("ssl.ca.location", "KAFKA_SSL_CA_LOCATION"),
    ("ssl.certificate.location", "KAFKA_SSL_CERTIFICATE_LOCATION"),
    ("ssl.key.location", "KAFKA_SSL_KEY_LOCATION"),
    ("ssl.key.password", "KAFKA_SSL_KEY_PASSWORD"),
];
/// Set by settings of their own, or never.
pub(super) const NAMED_ELSEWHERE: [&str; 3] = ["bootstrap.servers", "group.id", "client.rack"];
/// What librdkafka refuses together with the protocol of KIP-848.
const CLASSIC_ONLY: [&str; 3] =
    ["session.timeout.ms", "heartbeat.interval.ms", "partition.assignment.strategy"];

/// Whether the group uses the protocol of KIP-848, which other properties do not fit.
pub(crate) fn has_new_protocol(config: &ClientConfig) -> bool {
    config.get("group.protocol").is_some_and(|protocol| protocol.eq_ignore_ascii_case("consumer"))
}

/// The one name by which a property is known here.
pub(super) fn canonical(name: &str) -> &str {
    ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, canonical)| canonical)
}

/// The setting that librdkafka's message is about.
fn variable_of(message: &str) -> &'static str {
    let named = VARIABLES.iter().find(|(property, _)| message.contains(property));
    named.map_or("KAFKA_PROPERTIES", |(_, variable)| variable)
}

/// Whether librdkafka takes the properties. It compares them with each other, and reads the files that they name, only when a
/// client is created. A client that knows no servers connects to none.
fn accepts<Client: FromClientConfig>(mut config: ClientConfig) -> Result<(), Invalid> {
    config.remove("bootstrap.servers").create::<Client>().map(drop).map_err(|error| {
        let reason = format!("is refused by librdkafka, alone or together with other settings: {error}");
        Invalid::new(variable_of(&error.to_string()), reason)
    })
}

impl KafkaSettings {
    /// Refuses properties that librdkafka does not know, or whose values it refuses, alone or together. The message
    /// names the property and not its value, which may be a password.
    pub(super) fn check_properties(&self) -> Result<(), Invalid> {
        let config = self.client_config("check");
        let invalid = |reason: String| Invalid::new("KAFKA_PROPERTIES", reason);
        match config.create_native_config() {
            Err(KafkaError::ClientConfig(_, _, name, _)) if self.has(&name) => {
                return Err(invalid(format!(
                    "gives {name}, which librdkafka does not know, or whose value it refuses"
                )));
            }
            Err(error) => return Err(invalid(error.to_string())),
            Ok(_) => {}
        }
        if let Some(name) = CLASSIC_ONLY.into_iter().find(|name| has_new_protocol(&config) && self.has(name))
        {
            return Err(invalid(format!("gives {name}, which does not go with group.protocol=consumer")));
        }
        accepts::<BaseConsumer>(self.member_config(&self.group))?;
        accepts::<BaseConsumer>(self.replay_config())?;
        // Only the producer knows whether it writes in transactions. If it is given an id for them, it does.
        accepts::<BaseProducer>(self.writer_config(self.has("transactional.id")))
    }

    /// The same for the consumer of a [`crate::TransactionalMember`], whose other properties differ from those of a reader.
    pub(super) fn check_transactional_consumer(&self) -> Result<(), Invalid> {
        accepts::<BaseConsumer>(self.transactional_member_config("check"))
    }

    /// The same for its producer.
    pub(super) fn check_transactional_producer(&self) -> Result<(), Invalid> {
        accepts::<BaseProducer>(self.transactional_writer_config("check"))
    }

    /// The properties that the user gives without any effect.
    pub(super) fn overridden(&self) -> Vec<&str> {
        let fixed = [&READING[..], &[METADATA_INTERVAL, SESSION_TIMEOUT], &WRITING].concat();
        let is_fixed =
            |name: &&str| NAMED_ELSEWHERE.contains(name) || fixed.iter().any(|(fixed, _)| fixed == name);
        self.properties.iter().map(|(name, _)| name.as_str()).filter(is_fixed).collect()
    }

    fn has(&self, name: &str) -> bool {
        self.properties.iter().any(|(given, _)| given == name)
    }
}
