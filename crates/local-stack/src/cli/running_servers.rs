//! The servers of a stack, in its data folder.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::args::Servers;
use super::folder::{DataFolder, OwnedFolder};
use super::state::{ServerState, State};
use crate::downloads::{APICURIO_VERSION, Downloads, RegistryDownloads, ZOOKEEPER_VERSION, kafka_version};
use crate::error::{Error, Result};
use crate::kafka::{Kafka, KafkaCluster, KafkaOptions, ZooKeeper};
use crate::kafka_mode::KafkaMode;
use crate::postgres::{Postgres, PostgresOptions};
use crate::registry::{Registry, RegistryOptions};
use crate::start_both::start_both;

/// How long a broker of a cluster stays down after it has ended by itself: long enough to see what the
/// others do without it.
const RESTART_AFTER: Duration = Duration::from_secs(20);
/// Several brokers share one machine.
const HEAP_OF_ONE_MIB: u32 = 512;
const HEAP_OF_SEVERAL_MIB: u32 = 320;

/// See the module.
#[derive(Debug)]
pub struct RunningServers {
    pub kafka: KafkaCluster,
    pub postgres: Postgres,
    kafka_mode: KafkaMode,
    pub registry: Option<Registry>,
    kafka_data: PathBuf,
    postgres_data: PathBuf,
    registry_data: PathBuf,
    /// When to start the brokers again that have ended.
    restart_at: Option<Instant>,
}

/// The downloaded programs of the servers, and of the schema registry if one is to run.
pub struct ServerDownloads {
    servers: Downloads,
    registry: Option<RegistryDownloads>,
}

impl ServerDownloads {
    /// To be called before signals are handled, so that one ends a download at once.
    pub fn ensure(servers: &Servers) -> Result<Self> {
        let programs = Downloads::ensure_for(servers.kafka)?;
        Ok(Self {
            servers: programs,
            registry: servers.registry.then(RegistryDownloads::ensure).transpose()?,
        })
    }
}

impl RunningServers {
    /// Starts all.
    pub fn start(downloads: &ServerDownloads, folder: &DataFolder, servers: &Servers) -> Result<Self> {
        let ServerDownloads { servers: downloads, registry } = downloads;
        let kafka_data = folder.kafka();
        let postgres_data = folder.postgres()?;
        if !postgres_data.starts_with(folder.path()) {
            output::note!(
                "PostgreSQL refuses to run as root, and its user cannot enter {}. Its data is in {}.",
                folder.path().display(),
                postgres_data.display()
            );
        }
        let heap = if servers.brokers == 1 { HEAP_OF_ONE_MIB } else { HEAP_OF_SEVERAL_MIB };
        let kafka = KafkaOptions {
            port: servers.kafka_port,
            port_setting: "--kafka-port PORT",
            mode: servers.kafka,
            zookeeper_port: servers.zookeeper_port,
            zookeeper_port_setting: "--zookeeper-port PORT",
            heap_mib: servers.kafka_heap_mib.unwrap_or(heap),
            settings: servers.extra.kafka_setting.clone(),
            ..KafkaOptions::new(&kafka_data)
        };
        let postgres = PostgresOptions {
            port: servers.postgres_port,
            port_setting: "--postgres-port PORT",
            settings: servers.extra.postgres_setting.clone(),
            ..PostgresOptions::new(&postgres_data)
        };
        let began = Instant::now();
        let started = |server: &str| {
            output::note!("{server} is ready after {:.1} s.", began.elapsed().as_secs_f64());
        };
        let registry_data = folder.registry();
        let (servers_of_both, registry) = thread::scope(|scope| {
            // It takes longer than the other two together.
            let registry = registry.as_ref().map(|downloads| {
                scope.spawn(|| start_registry(downloads, servers, &registry_data, &started))
            });
            let both = start_both(downloads, &kafka, servers.brokers, &postgres, started);
            let lost = || Err(Error::ThreadPanicked { task: "starts the schema registry" });
            (both, registry.map(|registry| registry.join().unwrap_or_else(|_| lost())).transpose())
        });
        let ((kafka, postgres), registry) = (servers_of_both?, registry?);
        let kafka_mode = servers.kafka;
        Ok(Self {
            kafka,
            postgres,
            registry,
            kafka_mode,
            kafka_data,
            postgres_data,
            registry_data,
            restart_at: None,
        })
    }

    /// With the topic that the programs on top of the servers use.
    pub fn state(&self, topic: &str) -> State {
        let brokers: Vec<ServerState> = self.kafka.brokers().iter().map(|one| self.broker(one)).collect();
        let mut kafka = brokers[0].clone();
        kafka.address = self.kafka.bootstrap_servers();
        State {
            pid: std::process::id(),
            kafka,
            brokers,
            zookeeper: self
                .kafka
                .brokers()
                .iter()
                .find_map(|one| one.zookeeper().map(|one| self.zookeeper(one))),
            topic: topic.to_owned(),
            postgres: ServerState {
                version: self.postgres.version().to_owned(),
                pid: self.postgres.pid(),
                port: self.postgres.port(),
                address: self.postgres.url(),
                data: self.postgres_data.clone(),
                log: self.postgres.log().to_owned(),
            },
            registry: self.registry.as_ref().map(|registry| ServerState {
                version: APICURIO_VERSION.to_owned(),
                pid: registry.pid(),
                port: registry.port(),
                address: registry.url(),
                data: self.registry_data.clone(),
                log: registry.log().to_owned(),
            }),
            services: Vec::new(),
        }
    }

    fn broker(&self, broker: &Kafka) -> ServerState {
        ServerState {
            version: kafka_version(self.kafka_mode).to_owned(),
            pid: broker.pid(),
            port: broker.port(),
            address: broker.bootstrap_servers(),
            data: self.kafka_data.clone(),
            log: broker.log().to_owned(),
        }
    }

    fn zookeeper(&self, zookeeper: &ZooKeeper) -> ServerState {
        ServerState {
            version: ZOOKEEPER_VERSION.to_owned(),
            pid: zookeeper.pid(),
            port: zookeeper.port(),
            address: zookeeper.address(),
            data: self.kafka_data.join("zookeeper"),
            log: zookeeper.log().to_owned(),
        }
    }

    /// Fails if PostgreSQL, the registry, the only broker or its ZooKeeper has ended by itself. A broker of several is started again
    /// after a while. Returns whether brokers have ended or been started.
    pub fn check(&mut self) -> Result<bool> {
        let registry = self.registry.as_mut().and_then(Registry::failure);
        if let Some(error) = self.postgres.failure().or(registry) {
            return Err(error);
        }
        let mut failures = self.kafka.failures();
        if self.kafka.brokers().len() == 1 {
            return if failures.is_empty() { Ok(false) } else { Err(failures.swap_remove(0)) };
        }
        for failure in &failures {
            warn(failure);
        }
        if !failures.is_empty() {
            self.restart_at = Some(Instant::now() + RESTART_AFTER);
            return Ok(true);
        }
        if self.restart_at.is_none_or(|at| Instant::now() < at) {
            return Ok(false);
        }
        match self.kafka.start_stopped() {
            Ok(()) => {
                output::note!("All brokers run again.");
                self.restart_at = None;
            }
            Err(error @ Error::NotStarted { .. }) => {
                warn(&error);
                self.restart_at = Some(Instant::now() + RESTART_AFTER);
            }
            Err(error) => return Err(error),
        }
        Ok(true)
    }

    /// Stops all cleanly, and removes the state that names them.
    pub fn stop(&mut self, owned: &OwnedFolder) -> Result<()> {
        let registry = self.registry.as_mut().map_or(Ok(()), Registry::stop);
        let results = [self.kafka.stop(), self.postgres.stop(), registry];
        owned.remove_state();
        results.into_iter().collect()
    }
}

fn start_registry(
    downloads: &RegistryDownloads,
    servers: &Servers,
    data: &Path,
    started: &(impl Fn(&str) + Sync),
) -> Result<Registry> {
    let options = RegistryOptions {
        port: servers.registry_port,
        port_setting: "--registry-port PORT",
        ..RegistryOptions::new(data)
    };
    let registry = Registry::start(downloads, &options)?;
    started("Apicurio Registry");
    Ok(registry)
}

/// One line: the log has the rest.
fn warn(error: &Error) {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    let log = match error {
        Error::Ended { log, .. } | Error::NotStarted { log, .. } => format!(" (its log: {})", log.display()),
        _ => String::new(),
    };
    output::note!("warning: {line}{log}. It is started again in {} s.", RESTART_AFTER.as_secs());
}
