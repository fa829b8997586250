//! A real Apache Kafka, on 127.0.0.1 only: KRaft nodes that are broker and controller, one or several, or one broker with a
//! ZooKeeper.

mod archive_classes;
mod cluster;
mod cluster_file;
mod cluster_id;
mod controller;
mod format;
mod jvm;
mod node;
mod options;
mod place;
mod zookeeper;
mod zookeeper_commands;

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::account;
use crate::downloads::Downloads;
use crate::error::{Attempt, Error, Result};
use crate::kafka_mode::KafkaMode;
use crate::ports;
use crate::server::{Server, delegate_to_server};

pub use cluster::KafkaCluster;
use node::Node;
pub use options::KafkaOptions;
use place::Place;
pub use zookeeper::ZooKeeper;

const NAME: &str = "Kafka";

/// How long a broker may take to stop cleanly.
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// A running Kafka: the only broker, or one of a cluster. Dropping it stops it, and its ZooKeeper if it has one. The other calls
/// are about the broker alone.
#[derive(Debug)]
pub struct Kafka {
    // Dropped in this order: the broker ends its session before ZooKeeper ends.
    server: Server,
    zookeeper: Option<ZooKeeper>,
    port: u16,
}

impl Kafka {
    /// Starts Kafka and returns when it accepts requests, after 2 to 5 seconds; after a kill in ZooKeeper mode, up to 10 s later.
    /// The first start in a data folder formats it.
    pub fn start(downloads: &Downloads, options: &KafkaOptions) -> Result<Self> {
        prepare_folder(&options.data_dir)?;
        let zookeeper = match options.mode {
            KafkaMode::Kraft => {
                archive_classes::ensure_archive(downloads);
                None
            }
            KafkaMode::ZooKeeper => Some(ZooKeeper::start(downloads, options)?),
        };
        let zookeeper_port = zookeeper.as_ref().map(ZooKeeper::port);
        let kafka = ports::start_on(NAME, options.port, options.port_setting, |port| {
            Self::start_at(downloads, options, Place::alone(port, zookeeper_port)?, None, None)
        })?;
        Ok(Self { zookeeper, ..kafka })
    }

    /// Starts Kafka on a free port. When it is stopped, it writes the classes that it has loaded to
    /// `archive`.
    fn start_to_archive(downloads: &Downloads, options: &KafkaOptions, archive: &Path) -> Result<Self> {
        prepare_folder(&options.data_dir)?;
        Self::start_at(downloads, options, Place::alone(ports::free_port()?, None)?, Some(archive), None)
    }

    fn start_at(
        downloads: &Downloads,
        options: &KafkaOptions,
        place: Place,
        archive: Option<&Path>,
        cluster_id: Option<&str>,
    ) -> Result<Self> {
        let port = place.own_ports().broker;
        // A broker of ZooKeeper mode formats its folder itself.
        let is_formatted_here = place.zookeeper.is_none();
        let node = Node::new(downloads, options, place, archive)?;
        node.write_settings(&options.settings)?;
        if is_formatted_here {
            format::format_once(&node, cluster_id)?;
        }
        Ok(Self { server: Server::start(Box::new(node), &options.data_dir)?, zookeeper: None, port })
    }

    /// `127.0.0.1:PORT`, for clients.
    pub fn bootstrap_servers(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Whether the process runs.
    fn runs(&mut self) -> bool {
        self.server.runs()
    }

    /// The port that Kafka listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The ZooKeeper with the metadata; `None` in KRaft mode.
    pub fn zookeeper(&self) -> Option<&ZooKeeper> {
        self.zookeeper.as_ref()
    }

    /// Why the processes ended by themselves, once each. ZooKeeper comes first: a broker does not go on without it.
    fn take_failures(&mut self) -> Vec<Error> {
        let zookeeper = self.zookeeper.as_mut().and_then(ZooKeeper::take_failure);
        zookeeper.into_iter().chain(self.server.take_failure()).collect()
    }

    /// Stops the broker, which ends its session, and then the ZooKeeper.
    fn stop_with_zookeeper(&mut self) -> Result<()> {
        let Some(zookeeper) = &mut self.zookeeper else { return self.server.stop(STOP_LIMIT) };
        // Without a ZooKeeper, the broker would wait for one and not stop.
        let stopped = if zookeeper.runs() { self.server.stop(STOP_LIMIT) } else { self.server.kill() };
        stopped.and(zookeeper.stop())
    }

    fn kill_with_zookeeper(&mut self) -> Result<()> {
        let killed = self.server.kill();
        killed.and(self.zookeeper.as_mut().map_or(Ok(()), ZooKeeper::kill))
    }

    delegate_to_server!();
}

fn prepare_folder(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).attempt_on("creating", folder)?;
    account::require_ours(NAME, folder)
}
