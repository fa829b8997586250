//! `up` runs everything: the servers, consumers, the API and a demo producer.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use super::args::{Servers, Up};
use super::events::Events;
use super::folder::{DataFolder, OwnedFolder};
use super::running_servers::{RunningServers, ServerDownloads};
use super::service::require_built;
use super::services::{Services, topic};
use super::state::State;
use super::summary;
use crate::error::Result;
use crate::kafka_mode::KafkaMode;
use crate::ports;

pub fn up(arguments: &Up) -> Result<ExitCode> {
    arguments.servers.kafka.require_brokers(arguments.servers.brokers)?;
    let owned = DataFolder::new(&arguments.folder.path)?.lock()?;
    for program in ["consumer", "api", "producer"] {
        require_built(program)?;
    }
    check_ports(arguments)?;
    let downloads = ServerDownloads::ensure(&arguments.servers)?;
    let events = Events::listen()?;
    output::note!("Starting Kafka and PostgreSQL ...");
    let mut servers = RunningServers::start(&downloads, &owned.folder, &arguments.servers)?;
    owned.write_state(&servers.state(&topic()))?;
    let mut services = Services::new(&owned.folder, &servers)?;
    let result = run_until_stopped(arguments, &owned, &events, &mut servers, &mut services);
    services.drain()?;
    output::note!("Stopping Kafka and PostgreSQL ...");
    servers.stop(&owned)?;
    result.map(|()| ExitCode::SUCCESS)
}

/// Finds a busy port before anything is started on the others.
fn check_ports(arguments: &Up) -> Result<()> {
    let Servers { kafka, kafka_port, zookeeper_port, brokers, registry, registry_port, .. } =
        arguments.servers;
    let brokers = (0..if kafka_port == 0 { 0 } else { brokers })
        .map(|offset| ("Kafka", kafka_port.saturating_add(offset), "--kafka-port PORT"));
    let zookeeper = match kafka {
        KafkaMode::Kraft => None,
        KafkaMode::ZooKeeper => Some(("ZooKeeper", zookeeper_port, "--zookeeper-port PORT")),
    };
    let others = [
        ("PostgreSQL", arguments.servers.postgres_port, "--postgres-port PORT"),
        ("the HTTP API", arguments.api_listen.port(), "--api-listen ADDRESS:PORT"),
    ];
    let registry = registry.then_some(("Apicurio Registry", registry_port, "--registry-port PORT"));
    for (server, port, setting) in brokers.chain(zookeeper).chain(others).chain(registry) {
        if port != 0 {
            ports::require_free(server, port, setting)?;
        }
    }
    Ok(())
}

/// Returns after a signal, and fails if a server ends by itself, or a service that is not to be started again.
fn run_until_stopped(
    arguments: &Up,
    owned: &OwnedFolder,
    events: &Events,
    servers: &mut RunningServers,
    services: &mut Services,
) -> Result<()> {
    let api = api_address(arguments)?;
    output::note!("Starting the consumers and the API ...");
    services.start_consumers(arguments.consumers)?;
    services.start_api(api)?;
    if !services.wait_until_ready(events, servers)? {
        return Ok(());
    }
    if !arguments.no_producer {
        let format =
            arguments.format.as_deref().unwrap_or(if servers.registry.is_some() { "avro" } else { "json" });
        services.start_producer(arguments.rate, arguments.orders, format)?;
    }
    let state = write_state(owned, servers, services)?;
    summary::print(&state, api, &services.token);
    while events.wait(Duration::from_millis(250)).is_none() {
        let servers_changed = servers.check()?;
        if services.tend()? || servers_changed {
            write_state(owned, servers, services)?;
        }
    }
    Ok(())
}

fn write_state(owned: &OwnedFolder, servers: &RunningServers, services: &Services) -> Result<State> {
    let mut state = servers.state(&topic());
    state.services = services.states();
    owned.write_state(&state)?;
    Ok(state)
}

/// Port 0 means a free one.
fn api_address(arguments: &Up) -> Result<SocketAddr> {
    let mut address = arguments.api_listen;
    if address.port() == 0 {
        address.set_port(ports::free_port()?);
    }
    Ok(address)
}
