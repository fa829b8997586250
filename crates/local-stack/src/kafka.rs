//! A real Apache Kafka: KRaft nodes that are broker and controller, one or several, on 127.0.0.1 only.

mod archive_classes;
mod cluster;
mod cluster_file;
mod cluster_id;
mod format;
mod node;
mod options;
mod place;

use std::fs;
use std::path::Path;

use crate::account;
use crate::downloads::Downloads;
use crate::error::{Attempt, Result};
use crate::ports;
use crate::server::{Server, delegate_to_server};

pub use cluster::KafkaCluster;
use node::Node;
pub use options::KafkaOptions;
use place::Place;

const NAME: &str = "Kafka";

/// A running Kafka: the only broker, or one of a cluster. Dropping it stops it.
#[derive(Debug)]
pub struct Kafka {
    server: Server,
    port: u16,
}

impl Kafka {
    /// Starts Kafka and returns when it accepts requests, after 2 to 4 seconds. The first start in a data
    /// folder formats it.
    pub fn start(downloads: &Downloads, options: &KafkaOptions) -> Result<Self> {
        prepare_folder(&options.data_dir)?;
        archive_classes::ensure_archive(downloads);
        ports::start_on(NAME, options.port, options.port_setting, |port| {
            Self::start_at(downloads, options, Place::alone(port)?, None, None)
        })
    }

    /// Starts Kafka on a free port. When it is stopped, it writes the classes that it has loaded to
    /// `archive`.
    fn start_to_archive(downloads: &Downloads, options: &KafkaOptions, archive: &Path) -> Result<Self> {
        prepare_folder(&options.data_dir)?;
        Self::start_at(downloads, options, Place::alone(ports::free_port()?)?, Some(archive), None)
    }

    fn start_at(
        downloads: &Downloads,
        options: &KafkaOptions,
        place: Place,
        archive: Option<&Path>,
        cluster_id: Option<&str>,
    ) -> Result<Self> {
        let port = place.own_ports().broker;
        let node = Node::new(downloads, options, place, archive);
        node.write_settings(&options.settings)?;
        format::format_once(&node, cluster_id)?;
        Ok(Self { server: Server::start(Box::new(node), &options.data_dir)?, port })
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

    delegate_to_server!();
}

fn prepare_folder(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).attempt_on("creating", folder)?;
    account::require_ours(NAME, folder)
}
