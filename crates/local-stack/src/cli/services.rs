//! Our programs on top of the servers: they become ready together, are watched together, and end in
//! order.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::events::Events;
use super::folder::DataFolder;
use super::running_servers::RunningServers;
use super::service::{Service, ServiceOptions};
use super::state::ServiceState;
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
    servers: [(&'static str, String); 2],
    next_metrics_port: u16,
    /// The consumers and the API.
    running: Vec<Service>,
    producer: Option<Service>,
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
            ],
            next_metrics_port: FIRST_METRICS_PORT,
            running: Vec::new(),
            producer: None,
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

    pub fn start_producer(&mut self, rate: u32, orders: u64) -> Result<()> {
        let arguments = ["--rate", &rate.to_string(), "--orders", &orders.to_string()].map(str::to_owned);
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
        Service::start(ServiceOptions { name, program, arguments, environment, health, logs: &self.logs })
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
        self.running.iter().chain(&self.producer).map(Service::state).collect()
    }

    /// Returns false if a signal comes first.
    pub fn wait_until_ready(&mut self, events: &Events, servers: &mut RunningServers) -> Result<bool> {
        let deadline = Instant::now() + READY_LIMIT;
        loop {
            if events.wait(Duration::from_millis(100)).is_some() {
                return Ok(false);
            }
            servers.check()?;
            self.check()?;
            match self.running.iter().find(|service| !service.is_ready()) {
                None => return Ok(true),
                Some(late) if Instant::now() > deadline => return Err(late.not_ready(READY_LIMIT)),
                Some(_) => {}
            }
        }
    }

    /// Fails if a service has ended by itself. The producer may, once it has created all its orders.
    pub fn check(&mut self) -> Result<()> {
        for service in &mut self.running {
            if let Some(status) = service.ended()? {
                return Err(service.failure(status));
            }
        }
        if let Some(producer) = &mut self.producer
            && let Some(status) = producer.ended()?
        {
            if !status.success() {
                return Err(producer.failure(status));
            }
            output::note!("The producer has created all its orders.");
            self.producer = None;
        }
        Ok(())
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
