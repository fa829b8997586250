//! Starts the real binaries, sends records to Kafka, reads from PostgreSQL, and waits for conditions.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "test code: it reports failures by panics, and progress by prints"
)]

mod api;
mod broker;
mod cluster;
mod launch;
mod metrics;
mod own_server;
mod program;
mod proxy;
mod registry;
mod stage;
mod tool;
mod wait;

pub use api::{Answer, Api, TOKEN};
pub use broker::{NewRecord, OpenTransaction, raw};
pub use cluster::{Cluster, Replicas};
pub use launch::{Launch, binary};
pub use metrics::scrape;
pub use own_server::OwnServer;
pub use program::Program;
pub use proxy::{LostCommit, Network, Proxy};
pub use registry::{Schemas, shared_registry};
pub use stage::{Stage, free_address, test_events};
pub use tool::{Tool, repository};
pub use wait::{GIVE_UP_AFTER, eventually};
