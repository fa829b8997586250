//! The two servers of a stack, in its data folder.

use std::path::PathBuf;

use super::args::Servers;
use super::folder::{DataFolder, OwnedFolder};
use super::state::{ServerState, State};
use crate::downloads::{Downloads, KAFKA_VERSION};
use crate::error::Result;
use crate::kafka::{Kafka, KafkaOptions};
use crate::postgres::{Postgres, PostgresOptions};
use crate::start_both::start_both;

/// See the module.
#[derive(Debug)]
pub struct RunningServers {
    pub kafka: Kafka,
    pub postgres: Postgres,
    kafka_data: PathBuf,
    postgres_data: PathBuf,
}

impl RunningServers {
    /// Starts both.
    pub fn start(downloads: &Downloads, folder: &DataFolder, servers: &Servers) -> Result<Self> {
        let kafka_data = folder.kafka();
        let postgres_data = folder.postgres()?;
        if !postgres_data.starts_with(folder.path()) {
            eprintln!(
                "PostgreSQL refuses to run as root, and its user cannot enter {}. Its data is in {}.",
                folder.path().display(),
                postgres_data.display()
            );
        }
        let kafka = KafkaOptions {
            port: servers.kafka_port,
            port_setting: "--kafka-port PORT",
            heap_mib: servers.kafka_heap_mib,
            settings: servers.extra.kafka_setting.clone(),
            ..KafkaOptions::new(&kafka_data)
        };
        let postgres = PostgresOptions {
            port: servers.postgres_port,
            port_setting: "--postgres-port PORT",
            settings: servers.extra.postgres_setting.clone(),
            ..PostgresOptions::new(&postgres_data)
        };
        let (kafka, postgres) = start_both(downloads, &kafka, &postgres)?;
        Ok(Self { kafka, postgres, kafka_data, postgres_data })
    }

    pub fn state(&self) -> State {
        State {
            pid: std::process::id(),
            kafka: ServerState {
                version: KAFKA_VERSION.to_owned(),
                pid: self.kafka.pid(),
                port: self.kafka.port(),
                address: self.kafka.bootstrap_servers(),
                data: self.kafka_data.clone(),
                log: self.kafka.log().to_owned(),
            },
            postgres: ServerState {
                version: self.postgres.version().to_owned(),
                pid: self.postgres.pid(),
                port: self.postgres.port(),
                address: self.postgres.url(),
                data: self.postgres_data.clone(),
                log: self.postgres.log().to_owned(),
            },
            services: Vec::new(),
        }
    }

    /// Fails if one of them has ended by itself.
    pub fn check(&mut self) -> Result<()> {
        match self.kafka.failure().or_else(|| self.postgres.failure()) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// Stops both in good order, and removes the state that names them.
    pub fn stop(&mut self, owned: &OwnedFolder) -> Result<()> {
        let results = [self.kafka.stop(), self.postgres.stop()];
        owned.remove_state();
        results.into_iter().collect()
    }
}
