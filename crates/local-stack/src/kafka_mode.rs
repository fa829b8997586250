//! Where Kafka keeps its metadata, which also decides which release is run.

use std::env;

use clap::ValueEnum as _;

use crate::error::{Result, UsageError};

/// The mode of the Kafka that tests start: `kraft` (the default) or `zookeeper`. `exec` takes it as its default, too, and passes
/// it on.
pub const MODE_VARIABLE: &str = "FOOD_ORDERS_TEST_KAFKA_MODE";

/// See the module.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum KafkaMode {
    /// In the brokers themselves: Kafka 4.
    #[default]
    Kraft,
    /// In a ZooKeeper, which Kafka 3.9 is the last to support.
    #[value(name = "zookeeper")]
    ZooKeeper,
}

impl KafkaMode {
    /// The mode that the environment asks for.
    pub fn of_tests() -> Result<Self> {
        match env::var(MODE_VARIABLE) {
            Ok(given) if !given.is_empty() => {
                Self::parse(&given).ok_or(UsageError::NotAMode { variable: MODE_VARIABLE, given }.into())
            }
            _ => Ok(Self::default()),
        }
    }

    /// As the command line and files name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kraft => "kraft",
            Self::ZooKeeper => "zookeeper",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::from_str(name, false).ok()
    }

    /// One broker and one ZooKeeper are enough to try programs on them.
    pub(crate) fn require_brokers(self, brokers: u16) -> Result<()> {
        match self {
            Self::ZooKeeper if brokers != 1 => Err(UsageError::BrokersInZooKeeperMode { brokers }.into()),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_has_the_same_name_everywhere() {
        for mode in KafkaMode::value_variants() {
            assert_eq!(KafkaMode::parse(mode.name()), Some(*mode));
        }
        assert_eq!(KafkaMode::parse("docker"), None);
    }

    #[test]
    fn zookeeper_mode_has_one_broker() {
        KafkaMode::Kraft.require_brokers(3).unwrap();
        KafkaMode::ZooKeeper.require_brokers(1).unwrap();
        let error = KafkaMode::ZooKeeper.require_brokers(3).unwrap_err().to_string();
        assert!(error.contains("--brokers 3") && error.contains("--kafka zookeeper"), "{error}");
    }
}
