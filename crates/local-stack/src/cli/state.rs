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
    /// The topic that the programs use.
    pub topic: String,
    pub postgres: ServerState,
    pub services: Vec<ServiceState>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ServerState {
    pub version: String,
    pub pid: Option<u32>,
    pub port: u16,
    /// `host:port` of Kafka, or several of them with commas; the URL of PostgreSQL.
    pub address: String,
    pub data: PathBuf,
    pub log: PathBuf,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ServiceState {
    pub name: String,
    pub pid: u32,
    /// Where its health routes are.
    pub health: Option<SocketAddr>,
    pub log: PathBuf,
}
