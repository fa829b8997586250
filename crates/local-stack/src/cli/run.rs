//! `run`: the two servers alone. Also what `up` and `run` share: starting them in a data folder.

use std::process::ExitCode;
use std::time::Duration;

use super::args::{Run, Servers};
use super::events::Events;
use super::folder::{DataFolder, OwnedFolder, ServerState, State};
use crate::downloads::{Downloads, KAFKA_VERSION};
use crate::error::Result;
use crate::kafka::{Kafka, KafkaOptions};
use crate::postgres::{Postgres, PostgresOptions};
use crate::test_servers::start_both;

/// Both servers, and the folder that they work in.
#[derive(Debug)]
pub struct RunningServers {
    pub kafka: Kafka,
    pub postgres: Postgres,
    kafka_data: std::path::PathBuf,
    postgres_data: std::path::PathBuf,
}

impl RunningServers {
    /// Starts both in the data folder.
    pub fn start(downloads: &Downloads, folder: &DataFolder, servers: &Servers) -> Result<Self> {
        let kafka_data = folder.kafka();
        let postgres_data = folder.postgres()?;
        if !postgres_data.starts_with(folder.path()) {
            eprintln!(
                "PostgreSQL refuses to run as root, and its user cannot enter {}: its data is in {}",
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

    /// Both, in good order.
    pub fn stop(&mut self) -> Result<()> {
        let kafka = self.kafka.stop();
        self.postgres.stop()?;
        kafka
    }
}

pub fn run(arguments: &Run) -> Result<ExitCode> {
    let owned = DataFolder::new(&arguments.folder.path)?.take()?;
    let downloads = Downloads::ensure()?;
    let events = Events::listen()?;
    if arguments.while_stdin_open {
        events.watch_input();
    }
    let mut servers = RunningServers::start(&downloads, &owned.folder, &arguments.servers)?;
    owned.write_state(&servers.state())?;
    println!("ready kafka={} postgres={}", servers.kafka.bootstrap_servers(), servers.postgres.url());
    let result = wait(&events, &mut servers);
    finish(&owned, &mut servers)?;
    result.map(|()| ExitCode::SUCCESS)
}

fn wait(events: &Events, servers: &mut RunningServers) -> Result<()> {
    while events.wait(Duration::from_millis(250)).is_none() {
        servers.check()?;
    }
    Ok(())
}

/// Stops the servers, last of all.
pub fn finish(owned: &OwnedFolder, servers: &mut RunningServers) -> Result<()> {
    let result = servers.stop();
    owned.remove_state();
    result
}
