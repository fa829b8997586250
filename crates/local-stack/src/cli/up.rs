//! `up`: servers, consumer, api and producer, from the first readiness to the last drain.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use super::args::Up;
use super::events::Events;
use super::folder::{DataFolder, OwnedFolder};
use super::run::{RunningServers, finish};
use super::service::{Service, require_built};
use super::summary;
use crate::downloads::Downloads;
use crate::error::Result;
use crate::ports;

const READY_LIMIT: Duration = Duration::from_secs(60);
/// Longer than the programs' own limit, so that theirs comes first.
const DRAIN_LIMIT: Duration = Duration::from_secs(25);
/// Health and metrics of the consumers and the producer begin here, where the ports are free.
const FIRST_METRICS_PORT: u16 = 9101;

pub fn up(arguments: &Up) -> Result<ExitCode> {
    let owned = DataFolder::new(&arguments.folder.path)?.take()?;
    for program in ["consumer", "api", "producer"] {
        require_built(program)?;
    }
    check_ports(arguments)?;
    let downloads = Downloads::ensure()?;
    let events = Events::listen()?;
    eprintln!("Starting Kafka and PostgreSQL ...");
    let mut servers = RunningServers::start(&downloads, &owned.folder, &arguments.servers)?;
    owned.write_state(&servers.state())?;
    let mut stack = Stack { token: owned.folder.admin_token()?, services: Vec::new(), producer: None };
    let result = stack.run(arguments, &owned, &events, &mut servers);
    stack.drain()?;
    eprintln!("Stopping Kafka and PostgreSQL ...");
    finish(&owned, &mut servers)?;
    result.map(|()| ExitCode::SUCCESS)
}

/// Before anything is started: all that would fail later.
fn check_ports(arguments: &Up) -> Result<()> {
    let wanted = [
        ("Kafka", arguments.servers.kafka_port, "--kafka-port PORT"),
        ("PostgreSQL", arguments.servers.postgres_port, "--postgres-port PORT"),
        ("the HTTP API", arguments.api_listen.port(), "--api-listen ADDRESS:PORT"),
    ];
    for (server, port, setting) in wanted {
        if port != 0 {
            ports::require_free(server, port, setting)?;
        }
    }
    Ok(())
}

struct Stack {
    token: String,
    /// Consumers and api.
    services: Vec<Service>,
    producer: Option<Service>,
}

impl Stack {
    /// Until a signal comes, or something ends that should not.
    fn run(
        &mut self,
        arguments: &Up,
        owned: &OwnedFolder,
        events: &Events,
        servers: &mut RunningServers,
    ) -> Result<()> {
        let api = api_address(arguments)?;
        let environment = [
            ("KAFKA_BOOTSTRAP_SERVERS", servers.kafka.bootstrap_servers()),
            ("DATABASE_URL", servers.postgres.url()),
        ];
        eprintln!("Starting consumer and api ...");
        let mut metrics = FIRST_METRICS_PORT;
        for number in 1..=arguments.consumers {
            let address = next_metrics_address(&mut metrics)?;
            let name = if number == 1 { "consumer".to_owned() } else { format!("consumer-{number}") };
            self.start(&name, "consumer", &[], &environment, "METRICS_LISTEN", address, owned)?;
        }
        self.start("api", "api", &[], &environment, "API_LISTEN", api, owned)?;
        if !self.wait_until_ready(events, servers)? {
            return Ok(());
        }
        if !arguments.no_producer {
            let address = next_metrics_address(&mut metrics)?;
            let flags = ["--rate", &arguments.rate.to_string(), "--orders", &arguments.orders.to_string()]
                .map(str::to_owned);
            self.producer = Some(self.service(
                "producer",
                "producer",
                &flags,
                &environment,
                "METRICS_LISTEN",
                address,
                owned,
            )?);
        }
        let mut state = servers.state();
        state.services = self.services.iter().chain(&self.producer).map(Service::state).collect();
        owned.write_state(&state)?;
        summary::print(&state, api, &self.token);
        while events.wait(Duration::from_millis(250)).is_none() {
            servers.check()?;
            self.check()?;
        }
        Ok(())
    }

    #[allow(clippy::too_many_arguments, reason = "what a child process is started with")]
    fn start(
        &mut self,
        name: &str,
        program: &str,
        arguments: &[String],
        environment: &[(&str, String)],
        listen: &str,
        address: SocketAddr,
        owned: &OwnedFolder,
    ) -> Result<()> {
        let service = self.service(name, program, arguments, environment, listen, address, owned)?;
        self.services.push(service);
        Ok(())
    }

    #[allow(clippy::too_many_arguments, reason = "what a child process is started with")]
    fn service(
        &self,
        name: &str,
        program: &str,
        arguments: &[String],
        environment: &[(&str, String)],
        listen: &str,
        address: SocketAddr,
        owned: &OwnedFolder,
    ) -> Result<Service> {
        let mut environment = environment.to_vec();
        environment.push((listen, address.to_string()));
        if program == "api" {
            environment.push(("API_ADMIN_TOKEN", self.token.clone()));
        }
        Service::start(name, program, arguments, &environment, Some(address), &owned.folder.logs())
    }

    /// False if a signal came first.
    fn wait_until_ready(&mut self, events: &Events, servers: &mut RunningServers) -> Result<bool> {
        let deadline = Instant::now() + READY_LIMIT;
        loop {
            if events.wait(Duration::from_millis(100)).is_some() {
                return Ok(false);
            }
            servers.check()?;
            self.check()?;
            match self.services.iter().find(|service| !service.is_ready()) {
                None => return Ok(true),
                Some(late) if Instant::now() > deadline => return Err(late.not_ready(READY_LIMIT)),
                Some(_) => {}
            }
        }
    }

    /// Fails if one has ended by itself. The producer may, having made all its orders.
    fn check(&mut self) -> Result<()> {
        for service in &mut self.services {
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
            eprintln!("The producer has made all its orders.");
            self.producer = None;
        }
        Ok(())
    }

    /// The producer first, so that the consumer has an end to reach; then consumers and api together.
    fn drain(&mut self) -> Result<()> {
        for group in [self.producer.take().into_iter().collect(), std::mem::take(&mut self.services)] {
            let mut group: Vec<Service> = group;
            let deadline = Instant::now() + DRAIN_LIMIT;
            for service in &group {
                eprintln!("Stopping {} ...", service.name());
                service.ask_to_end();
            }
            for service in &mut group {
                service.wait_for_end(deadline)?;
            }
        }
        Ok(())
    }
}

/// Port 0 means a free one.
fn api_address(arguments: &Up) -> Result<SocketAddr> {
    let mut address = arguments.api_listen;
    if address.port() == 0 {
        address.set_port(ports::free_port()?);
    }
    Ok(address)
}

/// The next port of the range, or any free one where that is taken.
fn next_metrics_address(next: &mut u16) -> Result<SocketAddr> {
    let wanted = *next;
    *next += 1;
    let port = match ports::require_free("metrics", wanted, "") {
        Ok(()) => wanted,
        Err(_) => ports::free_port()?,
    };
    Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
}
