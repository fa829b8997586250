//! `run` starts the servers alone.

use std::process::ExitCode;
use std::time::Duration;

use super::args::Run;
use super::events::Events;
use super::folder::{DataFolder, OwnedFolder};
use super::running_servers::{RunningServers, ServerDownloads};
use super::services::topic;
use crate::error::Result;

pub fn run(arguments: &Run) -> Result<ExitCode> {
    arguments.servers.kafka.require_brokers(arguments.servers.brokers)?;
    let owned = DataFolder::new(&arguments.folder.path)?.lock()?;
    let downloads = ServerDownloads::ensure(&arguments.servers)?;
    let events = Events::listen()?;
    if arguments.while_stdin_open {
        events.watch_input();
    }
    let mut servers = RunningServers::start(&downloads, &owned.folder, &arguments.servers)?;
    owned.write_state(&servers.state(&topic()))?;
    let registry = servers.registry.as_ref().map(|registry| format!(" registry={}", registry.url()));
    output::say!(
        "ready kafka={} postgres={}{}",
        servers.kafka.bootstrap_servers(),
        servers.postgres.url(),
        registry.unwrap_or_default()
    );
    let result = wait(&owned, &events, &mut servers);
    servers.stop(&owned)?;
    result.map(|()| ExitCode::SUCCESS)
}

fn wait(owned: &OwnedFolder, events: &Events, servers: &mut RunningServers) -> Result<()> {
    while events.wait(Duration::from_millis(250)).is_none() {
        if servers.check()? {
            owned.write_state(&servers.state(&topic()))?;
        }
    }
    Ok(())
}
