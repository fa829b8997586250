//! Where Kafka is and how to connect to it, as given by flag or environment.

use clap::Args;
use secrecy::{ExposeSecret, SecretString};
use settings::{Invalid, given, given_secret, secret};

use super::KafkaSettings;
use super::fixed::canonical;

/// How to reach Kafka, and the topic of the order events.
#[derive(Args, Clone, Debug)]
pub struct KafkaArgs {
    /// Topic of the order events
    #[arg(long, env = "KAFKA_TOPIC", value_name = "TOPIC", default_value = "food-orders")]
    pub kafka_topic: String,

    #[command(flatten)]
    pub connection: ConnectionArgs,
}

/// How to reach Kafka, for programs that have topics of their own.
#[derive(Args, Clone, Debug)]
pub struct ConnectionArgs {
    /// Brokers to connect to first, as HOST:PORT, separated by commas
    #[arg(long, env = "KAFKA_BOOTSTRAP_SERVERS", value_name = "SERVERS", default_value = "localhost:9092")]
    pub kafka_bootstrap_servers: String,

    /// plaintext, ssl, sasl_plaintext or sasl_ssl
    #[arg(long, env = "KAFKA_SECURITY_PROTOCOL", value_name = "PROTOCOL")]
    pub kafka_security_protocol: Option<String>,

    /// PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER
    #[arg(long, env = "KAFKA_SASL_MECHANISM", value_name = "MECHANISM")]
    pub kafka_sasl_mechanism: Option<String>,

    /// User for SASL
    #[arg(long, env = "KAFKA_SASL_USERNAME", value_name = "USER")]
    pub kafka_sasl_username: Option<String>,

    /// Password for SASL
    #[arg(long, env = "KAFKA_SASL_PASSWORD", value_name = "PASSWORD", value_parser = secret, hide_env_values = true)]
    pub kafka_sasl_password: Option<SecretString>,

    /// PEM file with the certificate that signed the brokers' certificates
    #[arg(long, env = "KAFKA_SSL_CA_LOCATION", value_name = "FILE")]
    pub kafka_ssl_ca_location: Option<String>,

    /// PEM file with the client's own certificate
    #[arg(long, env = "KAFKA_SSL_CERTIFICATE_LOCATION", value_name = "FILE")]
    pub kafka_ssl_certificate_location: Option<String>,

    /// PEM file with the client's private key
    #[arg(long, env = "KAFKA_SSL_KEY_LOCATION", value_name = "FILE")]
    pub kafka_ssl_key_location: Option<String>,

    /// Password of the private key
    #[arg(long, env = "KAFKA_SSL_KEY_PASSWORD", value_name = "PASSWORD", value_parser = secret, hide_env_values = true)]
    pub kafka_ssl_key_password: Option<SecretString>,

    /// More librdkafka properties, as NAME=VALUE,NAME=VALUE; those that correctness depends on cannot be changed
    #[arg(long, env = "KAFKA_PROPERTIES", value_name = "PROPERTIES", value_parser = secret, hide_env_values = true)]
    pub kafka_properties: Option<SecretString>,
}

impl KafkaArgs {
    /// As [`ConnectionArgs::validate`] does.
    pub fn validate(&self) -> Result<KafkaSettings, Invalid> {
        self.connection.validate(&topic_name("KAFKA_TOPIC", &self.kafka_topic)?)
    }
}

impl ConnectionArgs {
    /// Checks the form and what librdkafka checks without a broker, such as whether the files can be read, and warns
    /// of properties that have no effect. `topic` is a name that [`topic_name`] has accepted.
    pub fn validate(&self, topic: &str) -> Result<KafkaSettings, Invalid> {
        let mut properties = match &self.kafka_properties {
            Some(text) => parse_properties("KAFKA_PROPERTIES", text.expose_secret())?,
            None => Vec::new(),
        };
        let plain = |text: &Option<String>| given(text.as_deref()).map(SecretString::from);
        let hidden = |text: &Option<SecretString>| given_secret(text.as_ref()).cloned();
        let own = [
            ("security.protocol", self.protocol()?),
            ("sasl.mechanisms", plain(&self.kafka_sasl_mechanism)),
            ("sasl.username", plain(&self.kafka_sasl_username)),
            ("sasl.password", hidden(&self.kafka_sasl_password)),
            ("ssl.ca.location", plain(&self.kafka_ssl_ca_location)),
            ("ssl.certificate.location", plain(&self.kafka_ssl_certificate_location)),
            ("ssl.key.location", plain(&self.kafka_ssl_key_location)),
            ("ssl.key.password", hidden(&self.kafka_ssl_key_password)),
        ];
        properties.extend(own.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        let settings = KafkaSettings {
            bootstrap_servers: check_servers(&self.kafka_bootstrap_servers)?,
            properties,
            ..KafkaSettings::new("", topic)
        };
        settings.check_properties()?;
        let overridden = settings.overridden();
        if !overridden.is_empty() {
            let names = overridden.join(", ");
            tracing::warn!("KAFKA_PROPERTIES: the programs keep their own values of {names}");
        }
        Ok(settings)
    }

    fn protocol(&self) -> Result<Option<SecretString>, Invalid> {
        let Some(text) = given(self.kafka_security_protocol.as_deref()) else { return Ok(None) };
        let protocol = text.to_ascii_lowercase();
        if ["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"].contains(&protocol.as_str()) {
            return Ok(Some(protocol.into()));
        }
        let reason = format!("is {text:?}; it must be plaintext, ssl, sasl_plaintext or sasl_ssl");
        Err(Invalid::new("KAFKA_SECURITY_PROTOCOL", reason))
    }
}

fn check_servers(text: &str) -> Result<String, Invalid> {
    let servers: Vec<&str> = text.split(',').map(str::trim).filter(|server| !server.is_empty()).collect();
    let fits = |server: &&str| {
        server.rsplit_once(':').is_some_and(|(host, port)| {
            !host.is_empty()
                && !host.contains(char::is_whitespace)
                && port.parse::<u16>().is_ok_and(|port| port > 0)
        })
    };
    let reason = match servers.iter().find(|server| !fits(server)) {
        None if servers.is_empty() => {
            "is empty; it must be HOST:PORT, or several, separated by commas".to_owned()
        }
        None => return Ok(servers.join(",")),
        Some(server) => format!("names {server:?}; each server must be HOST:PORT"),
    };
    Err(Invalid::new("KAFKA_BOOTSTRAP_SERVERS", reason))
}

/// Text that can be the name of a topic; `variable` is the setting that gives it.
pub fn topic_name(variable: &'static str, text: &str) -> Result<String, Invalid> {
    let topic = text.trim();
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let fits = (1..=249).contains(&topic.len()) && topic.bytes().all(legal) && topic != "." && topic != "..";
    if fits {
        return Ok(topic.to_owned());
    }
    let what = if topic.is_empty() { "empty".to_owned() } else { format!("{text:?}") };
    let reason = format!(
        "is {what}; a topic name has 1 to 249 characters out of A-Z, a-z, 0-9, dot, underscore and hyphen"
    );
    Err(Invalid::new(variable, reason))
}

/// `NAME=VALUE,NAME=VALUE`, where each property gets the one name by which it is known here. A piece without `=` belongs
/// to the value before it, which may contain commas.
pub(super) fn parse_properties(
    variable: &'static str,
    text: &str,
) -> Result<Vec<(String, SecretString)>, Invalid> {
    let mut properties: Vec<(String, String)> = Vec::new();
    for piece in text.split(',') {
        match (piece.split_once('='), properties.last_mut()) {
            (Some((name, value)), _) if !name.trim().is_empty() => {
                properties.push((name.trim().to_owned(), value.trim().to_owned()));
            }
            (None, Some((_, value))) => {
                value.push(',');
                value.push_str(piece.trim());
            }
            (None, None) if piece.trim().is_empty() => {}
            _ => return Err(Invalid::new(variable, "is not of the form NAME=VALUE,NAME=VALUE")),
        }
    }
    let named = |(name, value): (String, String)| (canonical(&name).to_owned(), value.into());
    Ok(properties.into_iter().map(named).collect())
}

#[cfg(test)]
mod tests;
