//! Starts Kafka and PostgreSQL together.

use std::thread;

use crate::downloads::Downloads;
use crate::error::{Error, Result};
use crate::kafka::{KafkaCluster, KafkaOptions};
use crate::postgres::{Postgres, PostgresOptions};

/// Each start takes seconds and is mostly waiting, so both are made at the same time. `started` is told of each, by its
/// name.
pub(crate) fn start_both(
    downloads: &Downloads,
    kafka: &KafkaOptions,
    brokers: u16,
    postgres: &PostgresOptions,
    started: impl Fn(&str) + Sync,
) -> Result<(KafkaCluster, Postgres)> {
    thread::scope(|scope| {
        let kafka = scope.spawn(|| {
            let kafka = KafkaCluster::start(downloads, kafka, brokers)?;
            started("Kafka");
            Ok(kafka)
        });
        let postgres = Postgres::start(downloads, postgres).inspect(|_| started("PostgreSQL"));
        let kafka = kafka.join().unwrap_or(Err(Error::ThreadPanicked { task: "starts Kafka" }));
        Ok((kafka?, postgres?))
    })
}
