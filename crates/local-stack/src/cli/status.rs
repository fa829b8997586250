//! `status` shows what runs, and on which ports.

use std::process::ExitCode;

use super::args::Folder;
use super::cluster_status;
use super::folder::DataFolder;
use super::http;
use super::state::ServerState;
use crate::error::Result;

pub fn status(folder: &Folder) -> Result<ExitCode> {
    let folder = DataFolder::new(&folder.path)?;
    let Some(pid) = folder.running() else {
        output::say!("Nothing is running in {}.", folder.path().display());
        return Ok(ExitCode::FAILURE);
    };
    let Some(state) = folder.state() else {
        output::say!("Still starting (pid {pid}), data in {}.", folder.path().display());
        return Ok(ExitCode::SUCCESS);
    };
    output::say!("Running (pid {pid}), data in {}:", folder.path().display());
    match state.brokers.len() {
        1 => print_server("Kafka", &state.kafka),
        brokers => output::say!(
            "  {:<12} {brokers} brokers, {}, version {}, data in {}",
            "Kafka",
            state.kafka.address,
            state.kafka.version,
            state.kafka.data.display()
        ),
    }
    print_server("PostgreSQL", &state.postgres);
    for service in &state.services {
        let health = match service.health {
            None => String::new(),
            Some(address) => match http::status(address, "/health/ready") {
                Some(200) => format!("ready on http://{address}"),
                Some(code) => format!("not ready (HTTP {code}), see http://{address}/health/ready"),
                None => format!("does not answer on http://{address}"),
            },
        };
        output::say!("  {:<12} pid {:<8} {health}", service.name, service.pid);
    }
    if state.brokers.len() > 1 {
        cluster_status::print(&state)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn print_server(name: &str, server: &ServerState) {
    output::say!(
        "  {name:<12} pid {:<8} {}, version {}, data in {}",
        server.pid.unwrap_or(0),
        server.address,
        server.version,
        server.data.display()
    );
}
