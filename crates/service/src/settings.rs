//! Settings, in two stages: what was given by flag or environment (`…Args`, no IO),
//! then what is valid and cannot hold a bad value. An empty variable counts as not given
//! where there is no default, and is refused where there is one.

mod database;
mod group;
mod kafka;
mod listen;
mod log;
mod shell;

pub use database::{Database, DatabaseArgs};
pub use group::{GroupArgs, GroupId};
pub use kafka::{Kafka, KafkaArgs};
pub use listen::{MetricsArgs, parse_listen};
pub use log::{Format, Log, LogArgs};
pub use shell::{ShellArgs, ShellSettings};

use secrecy::SecretString;

/// A setting that cannot be used, with the name of its variable. Never repeats a secret.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{variable} {reason}")]
pub struct Invalid {
    /// Such as `KAFKA_TOPIC`; its flag is `--kafka-topic`.
    pub variable: &'static str,
    /// Continues the sentence: "is empty".
    pub reason: String,
}

impl Invalid {
    pub fn new(variable: &'static str, reason: impl Into<String>) -> Self {
        Self { variable, reason: reason.into() }
    }
}

/// For clap: takes any text without ever repeating it in a message.
pub fn secret(text: &str) -> Result<SecretString, std::convert::Infallible> {
    Ok(SecretString::from(text))
}

/// A whole number within bounds, both included.
pub fn whole_number(variable: &'static str, text: &str, from: u64, to: u64) -> Result<u64, Invalid> {
    match text.trim().parse() {
        Ok(number) if (from..=to).contains(&number) => Ok(number),
        _ => Err(Invalid::new(variable, format!("is {text:?}; it is a whole number from {from} to {to}"))),
    }
}
