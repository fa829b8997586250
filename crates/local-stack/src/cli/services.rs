//! Our programs on top of the servers: they become ready together, are watched together, and end in
//! order.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::events::Events;
use super::folder::DataFolder;
use super::running_servers::RunningServers;
use super::service::{Change, Service, ServiceOptions};
use super::state::{Condition, ServiceState};
use crate::error::Result;
use crate::ports;

const READY_LIMIT: Duration = Duration::from_secs(60);
/// Longer than the programs' own limit, so that they end by themselves first.
const DRAIN_LIMIT: Duration = Duration::from_secs(25);
/// The first port for health and metrics of the consumers and the producer.
const FIRST_METRICS_PORT: u16 = 9101;

/// The topic that the programs use: they read the same variable.
pub fn topic() -> String {
    let given = std::env::var("KAFKA_TOPIC").ok().filter(|topic| !topic.trim().is_empty());
    given.map_or_else(|| "food-orders".to_owned(), |topic| topic.trim().to_owned())
}

/// See the module.
#[derive(Debug)]
pub struct Services {
    pub token: String,
    logs: PathBuf,
    servers: Vec<(&'static str, String)>,
    next_metrics_port: u16,
    /// The consumers and the API.
    running: Vec<Service>,
    producer: Option<Service>,
    /// The state of the producer after it has created all its orders.
    finished: Option<ServiceState>,
}

impl Services {
    /// Starts nothing yet.
    pub fn new(folder: &DataFolder, servers: &RunningServers) -> Result<Self> {
        Ok(Self {
            token: folder.admin_token()?,
            logs: folder.logs(),
            servers: [
                ("KAFKA_BOOTSTRAP_SERVERS", servers.kafka.bootstrap_servers()),
                ("DATABASE_URL", servers.postgres.url()),
            ]
            .into_iter()
            .chain(servers.registry.as_ref().map(|registry| ("SCHEMA_REGISTRY_URL", registry.url())))
            .collect(),
            next_metrics_port: FIRST_METRICS_PORT,
            running: Vec::new(),
            producer: None,
            finished: None,
        })
    }

    pub fn start_consumers(&mut self, count: u16) -> Result<()> {
        for number in 1..=count {
            let health = self.next_metrics_address()?;
            let mut environment = vec![("METRICS_LISTEN", health.to_string())];
            let name = if count == 1 {
                "consumer".to_owned()
            } else {
                let name = format!("C{number}");
                environment.push(("CONSUMER_NAME", name.clone()));
                name
            };
            let consumer = self.start(name, "consumer", Vec::new(), &environment, health)?;
            self.running.push(consumer);
        }
        Ok(())
    }

    pub fn start_api(&mut self, address: SocketAddr) -> Result<()> {
        let environment = [("API_LISTEN", address.to_string()), ("API_ADMIN_TOKEN", self.token.clone())];
        let api = self.start("api".to_owned(), "api", Vec::new(), &environment, address)?;
        self.running.push(api);
        Ok(())
    }

    pub fn start_producer(&mut self, rate: u32, orders: u64, format: &str) -> Result<()> {
        let arguments = ["--rate", &rate.to_string(), "--orders", &orders.to_string(), "--format", format]
            .map(str::to_owned);
        let health = self.next_metrics_address()?;
        let environment = [("METRICS_LISTEN", health.to_string())];
        let producer =
            self.start("producer".to_owned(), "producer", arguments.to_vec(), &environment, health)?;
        self.producer = Some(producer);
        Ok(())
    }

    fn start(
        &self,
        name: String,
        program: &'static str,
        arguments: Vec<String>,
        environment: &[(&'static str, String)],
        health: SocketAddr,
    ) -> Result<Service> {
        let environment = self.servers.iter().chain(environment).cloned().collect();
        let (logs, has_an_end) = (self.logs.clone(), program == "producer");
        Service::start(ServiceOptions { name, program, arguments, environment, health, logs, has_an_end })
    }

    /// The next port of the range, or any free one if that is in use.
    fn next_metrics_address(&mut self) -> Result<SocketAddr> {
        let wanted = self.next_metrics_port;
        self.next_metrics_port += 1;
        let port = match ports::require_free("metrics", wanted, "") {
            Ok(()) => wanted,
            Err(_) => ports::free_port()?,
        };
        Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
    }

    pub fn states(&self) -> Vec<ServiceState> {
        let started = self.running.iter().chain(&self.producer).map(Service::state);
        started.chain(self.finished.clone()).collect()
    }

    /// Returns false if a signal comes first.
    pub fn wait_until_ready(&mut self, events: &Events, servers: &mut RunningServers) -> Result<bool> {
        let began = Instant::now();
        let deadline = began + READY_LIMIT;
        let mut waited_for: Vec<usize> = (0..self.running.len()).collect();
        loop {
            if events.wait(Duration::from_millis(100)).is_some() {
                return Ok(false);
            }
            servers.check()?;
            self.running.iter_mut().try_for_each(Service::require_running)?;
            waited_for.retain(|index| {
                let service = &self.running[*index];
                let is_ready = service.is_ready();
                if is_ready {
                    output::note!(
                        "{} is ready after {:.1} s.",
                        service.name(),
                        began.elapsed().as_secs_f64()
                    );
                }
                !is_ready
            });
            match waited_for.first() {
                None => return Ok(true),
                Some(late) if Instant::now() > deadline => {
                    return Err(self.running[*late].not_ready(READY_LIMIT));
                }
                Some(_) => {}
            }
        }
    }

    /// Starts services again that have ended by themselves, and fails if one cannot go on. The producer may end, once it
    /// has created all its orders. Returns whether the states have changed.
    pub fn tend(&mut self) -> Result<bool> {
        let mut has_changed = false;
        for service in &mut self.running {
            has_changed |= service.tend()? != Change::None;
        }
        if let Some(producer) = &mut self.producer {
            let change = producer.tend()?;
            has_changed |= change != Change::None;
            if change == Change::Finished {
                output::note!("The producer has created all its orders.");
                self.finished = Some(ServiceState { condition: Condition::Finished, ..producer.state() });
                self.producer = None;
            }
        }
        Ok(has_changed)
    }

    /// Ends the producer first, so that the log has an end that the consumers can reach, and then the
    /// consumers and the API together.
    pub fn drain(&mut self) -> Result<()> {
        let producer: Vec<Service> = self.producer.take().into_iter().collect();
        for mut group in [producer, std::mem::take(&mut self.running)] {
            let deadline = Instant::now() + DRAIN_LIMIT;
            for service in &group {
                output::note!("Stopping {} ...", service.name());
                service.ask_to_end();
            }
            for service in &mut group {
                service.wait_for_end(deadline)?;
            }
        }
        Ok(())
    }
}
