//! What a running stack consists of: the content of `state.json`, which exists while the stack runs. The
//! commands `status`, `kafka` and `psql` read it, and so may scripts.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// See the module.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct State {
    pub pid: u32,
    /// The first broker; its address is that of the cluster.
    pub kafka: ServerState,
    /// All brokers, in the order of their numbers.
    pub brokers: Vec<ServerState>,
    /// In ZooKeeper mode.
    pub zookeeper: Option<ServerState>,
    /// The topic that the programs use.
    pub topic: String,
    pub postgres: ServerState,
    /// The schema registry, if there is one.
    #[serde(default)]
    pub registry: Option<ServerState>,
    pub services: Vec<ServiceState>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ServerState {
    pub version: String,
    pub pid: Option<u32>,
    pub port: u16,
    /// `host:port` of Kafka, or several of them with commas, and of ZooKeeper; the URL of another server.
    pub address: String,
    pub data: PathBuf,
    pub log: PathBuf,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ServiceState {
    pub name: String,
    /// `None` while it does not run.
    pub pid: Option<u32>,
    pub condition: Condition,
    /// Where its health routes are.
    pub health: SocketAddr,
    pub log: PathBuf,
}

/// What has become of a program that was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    Running,
    /// It has ended by itself and is started again in a moment.
    Restarting,
    /// It has done what it was started for.
    Finished,
}
