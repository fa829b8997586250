//! What a running stack consists of: the content of `state.json`, which exists while the stack runs. The
//! commands `status`, `kafka` and `psql` read it, and so may scripts.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// See the module.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct State {
    pub pid: u32,
    pub kafka: ServerState,
    pub postgres: ServerState,
    pub services: Vec<ServiceState>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ServerState {
    pub version: String,
    pub pid: Option<u32>,
    pub port: u16,
    /// `host:port` of Kafka, the URL of PostgreSQL.
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
