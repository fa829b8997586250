//! Where Kafka is, and how to speak to it.

use std::fmt;

use clap::Args;
use secrecy::{ExposeSecret, SecretString};

use super::{Invalid, secret};

#[derive(Args, Clone, Debug)]
pub struct KafkaArgs {
    /// Brokers to begin with, as HOST:PORT, separated by commas
    #[arg(long, env = "KAFKA_BOOTSTRAP_SERVERS", value_name = "SERVERS", default_value = "localhost:9092")]
    pub kafka_bootstrap_servers: String,

    /// Topic of the order events
    #[arg(long, env = "KAFKA_TOPIC", value_name = "TOPIC", default_value = "food-orders")]
    pub kafka_topic: String,

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

    /// PEM file with the certificate that signed the brokers'
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

/// Valid by form. Prints without the values of its properties, which may be secret.
#[derive(Clone)]
pub struct Kafka {
    pub bootstrap_servers: String,
    pub topic: String,
    /// librdkafka's names and their values.
    pub properties: Vec<(String, SecretString)>,
}

impl fmt::Debug for Kafka {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.properties.iter().map(|(name, _)| name).collect();
        f.debug_struct("Kafka")
            .field("bootstrap_servers", &self.bootstrap_servers)
            .field("topic", &self.topic)
            .field("properties", &names)
            .finish()
    }
}

impl KafkaArgs {
    pub fn validate(&self) -> Result<Kafka, Invalid> {
        let mut properties = match &self.kafka_properties {
            Some(text) => parse_properties(text.expose_secret())?,
            None => Vec::new(),
        };
        for (name, value) in [
            ("security.protocol", self.protocol()?),
            ("sasl.mechanisms", given(&self.kafka_sasl_mechanism)),
            ("sasl.username", given(&self.kafka_sasl_username)),
            ("sasl.password", given_secret(&self.kafka_sasl_password)),
            ("ssl.ca.location", given(&self.kafka_ssl_ca_location)),
            ("ssl.certificate.location", given(&self.kafka_ssl_certificate_location)),
            ("ssl.key.location", given(&self.kafka_ssl_key_location)),
            ("ssl.key.password", given_secret(&self.kafka_ssl_key_password)),
        ] {
            if let Some(value) = value {
                properties.push((name.to_owned(), value));
            }
        }
        Ok(Kafka {
            bootstrap_servers: check_servers(&self.kafka_bootstrap_servers)?,
            topic: check_topic(&self.kafka_topic)?,
            properties,
        })
    }

    fn protocol(&self) -> Result<Option<SecretString>, Invalid> {
        let Some(text) = self.kafka_security_protocol.as_deref().filter(|text| !text.trim().is_empty())
        else {
            return Ok(None);
        };
        let protocol = text.trim().to_ascii_lowercase();
        if ["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"].contains(&protocol.as_str()) {
            return Ok(Some(protocol.into()));
        }
        let reason = format!("is {text:?}; it is plaintext, ssl, sasl_plaintext or sasl_ssl");
        Err(Invalid::new("KAFKA_SECURITY_PROTOCOL", reason))
    }
}

fn given(text: &Option<String>) -> Option<SecretString> {
    text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(SecretString::from)
}

fn given_secret(text: &Option<SecretString>) -> Option<SecretString> {
    text.clone().filter(|text| !text.expose_secret().is_empty())
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
    match servers.iter().find(|server| !fits(server)) {
        None if servers.is_empty() => {
            Err(Invalid::new("KAFKA_BOOTSTRAP_SERVERS", "is empty; it is HOST:PORT,…"))
        }
        None => Ok(servers.join(",")),
        Some(server) => {
            Err(Invalid::new("KAFKA_BOOTSTRAP_SERVERS", format!("names {server:?}; it is HOST:PORT,…")))
        }
    }
}

fn check_topic(text: &str) -> Result<String, Invalid> {
    let topic = text.trim();
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let fits = (1..=249).contains(&topic.len()) && topic.bytes().all(legal) && topic != "." && topic != "..";
    if fits {
        return Ok(topic.to_owned());
    }
    let reason = format!(
        "is {text:?}; a topic name has 1 to 249 characters out of A-Z, a-z, 0-9, dot, underscore and hyphen"
    );
    Err(Invalid::new("KAFKA_TOPIC", reason))
}

/// `NAME=VALUE,NAME=VALUE`. A piece without `=` belongs to the value before it, which
/// may hold commas.
fn parse_properties(text: &str) -> Result<Vec<(String, SecretString)>, Invalid> {
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
            _ => return Err(Invalid::new("KAFKA_PROPERTIES", "is not of the form NAME=VALUE,NAME=VALUE")),
        }
    }
    Ok(properties.into_iter().map(|(name, value)| (name, value.into())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_and_topics_are_checked_by_form() {
        assert_eq!(check_servers(" a:1, b:2,").unwrap(), "a:1,b:2");
        for wrong in ["", " , ", "a", "a:", "a:0", "a:99999", ":9092", "a b:1"] {
            assert_eq!(check_servers(wrong).unwrap_err().variable, "KAFKA_BOOTSTRAP_SERVERS", "{wrong:?}");
        }
        assert_eq!(check_topic("food-orders").unwrap(), "food-orders");
        for wrong in ["", ".", "..", "a b", "ä", &"x".repeat(250)] {
            assert_eq!(check_topic(wrong).unwrap_err().variable, "KAFKA_TOPIC", "{wrong:?}");
        }
    }

    #[test]
    fn properties_may_hold_commas() {
        let parsed = parse_properties("ssl.cipher.suites=A,B, linger.ms=5").unwrap();
        let plain: Vec<_> =
            parsed.iter().map(|(name, value)| (name.as_str(), value.expose_secret())).collect();
        assert_eq!(plain, [("ssl.cipher.suites", "A,B"), ("linger.ms", "5")]);
        assert!(parse_properties("").unwrap().is_empty());
        assert!(parse_properties("linger.ms").is_err());
        assert!(parse_properties("=5").is_err());
    }
}
