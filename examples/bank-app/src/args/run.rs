//! The flags of `bank-app run`, and the settings that they become.

use std::time::Duration;

use clap::Args;
use event_log::KafkaSettings;
use secrecy::SecretString;
use service::Invalid;
use service::settings::{secret, whole_number};

use crate::account::MOST_REQUESTS_PER_MINUTE;
use crate::money::Cents;
use crate::rules::Rules;

#[derive(Args, Clone, Debug)]
pub struct RunArgs {
    /// Name of this instance; each process that runs needs its own, and keeps it when it is started again
    #[arg(long, env = "BANK_INSTANCE", value_name = "NAME", default_value = "1")]
    pub instance: String,

    /// Partitions of topics that have to be created, 1 to 1000
    #[arg(long, env = "BANK_PARTITIONS", value_name = "N", default_value = "6")]
    pub partitions: String,

    /// Most records in a transaction, 1 to 10000
    #[arg(long, env = "BANK_BATCH_RECORDS", value_name = "N", default_value = "2000")]
    pub batch_records: String,

    /// Milliseconds after its first record that a transaction is committed, 1 to 5000
    #[arg(long, env = "BANK_BATCH_MS", value_name = "MS", default_value = "50")]
    pub batch_ms: String,

    /// Largest amount that may leave an account at once
    #[arg(long, env = "BANK_LARGE_AMOUNT", value_name = "AMOUNT", default_value = "10000.00")]
    pub large_amount: String,

    /// Most requests of an account within a minute, 1 to 1000
    #[arg(long, env = "BANK_REQUESTS_PER_MINUTE", value_name = "N", default_value = "20")]
    pub requests_per_minute: String,

    /// Property of the consumer, as NAME=VALUE; may be given several times. Those that the guarantees rest on are refused
    #[arg(long = "consumer-property", env = "BANK_CONSUMER_PROPERTIES", value_name = "NAME=VALUE", value_parser = secret, hide_env_values = true)]
    pub consumer_properties: Vec<SecretString>,

    /// The same for the producer
    #[arg(long = "producer-property", env = "BANK_PRODUCER_PROPERTIES", value_name = "NAME=VALUE", value_parser = secret, hide_env_values = true)]
    pub producer_properties: Vec<SecretString>,
}

/// Settings that were checked.
#[derive(Clone, Debug)]
pub struct RunSettings {
    pub instance: String,
    pub partitions: i32,
    pub batch_records: usize,
    pub batch_age: Duration,
    pub rules: Rules,
    pub consumer: KafkaSettings,
    pub producer: KafkaSettings,
}

impl RunArgs {
    pub fn validate(&self, kafka: &KafkaSettings) -> Result<RunSettings, Invalid> {
        let number = |name, text: &str, most| whole_number(name, text, 1, most);
        Ok(RunSettings {
            instance: instance(&self.instance)?,
            partitions: number("BANK_PARTITIONS", &self.partitions, 1000)? as i32,
            batch_records: number("BANK_BATCH_RECORDS", &self.batch_records, 10_000)? as usize,
            batch_age: Duration::from_millis(number("BANK_BATCH_MS", &self.batch_ms, 5000)?),
            rules: Rules {
                large_amount: Cents::parse(&self.large_amount).ok_or_else(|| {
                    let reason = format!("is {:?}; it must be an amount such as 10.00", self.large_amount);
                    Invalid::new("BANK_LARGE_AMOUNT", reason)
                })?,
                requests_per_minute: number(
                    "BANK_REQUESTS_PER_MINUTE",
                    &self.requests_per_minute,
                    MOST_REQUESTS_PER_MINUTE as u64,
                )? as usize,
            },
            consumer: kafka
                .for_transactional_consumer("BANK_CONSUMER_PROPERTIES", &self.consumer_properties)?,
            producer: kafka
                .for_transactional_producer("BANK_PRODUCER_PROPERTIES", &self.producer_properties)?,
        })
    }
}

fn instance(text: &str) -> Result<String, Invalid> {
    crate::text::is_identifier(text, &())
        .map(|()| text.to_owned())
        .map_err(|error| Invalid::new("BANK_INSTANCE", format!("is {text:?}; it {error}")))
}
