//! A real Apache Kafka: one KRaft node that is broker and controller, on 127.0.0.1 only.

mod archive_classes;
mod cluster_id;
mod format;
mod node;
mod options;

use std::fs;
use std::path::Path;

use crate::account;
use crate::downloads::Downloads;
use crate::error::{Attempt, Result};
use crate::ports;
use crate::server::{Server, delegate_to_server};

use node::Node;
pub use options::KafkaOptions;

const NAME: &str = "Kafka";

/// A running Kafka. Dropping it stops it.
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
            Self::start_on(downloads, options, port, None)
        })
    }

    /// Starts Kafka on a free port. When it is stopped, it writes the classes that it has loaded to
    /// `archive`.
    fn start_to_archive(downloads: &Downloads, options: &KafkaOptions, archive: &Path) -> Result<Self> {
        prepare_folder(&options.data_dir)?;
        Self::start_on(downloads, options, ports::free_port()?, Some(archive))
    }

    fn start_on(
        downloads: &Downloads,
        options: &KafkaOptions,
        port: u16,
        archive: Option<&Path>,
    ) -> Result<Self> {
        let node = Node::new(downloads, options, port, archive);
        node.write_settings(ports::free_port()?, &options.settings)?;
        format::format_once(&node)?;
        Ok(Self { server: Server::start(Box::new(node), &options.data_dir)?, port })
    }

    /// `127.0.0.1:PORT`, for clients.
    pub fn bootstrap_servers(&self) -> String {
        format!("127.0.0.1:{}", self.port)
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
