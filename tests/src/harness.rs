//! Starts the real binaries, types into Kafka, looks into PostgreSQL, and waits for what has to come.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "test code: a panic is how it tells that something is wrong"
)]

mod api;
mod broker;
mod launch;
mod own;
mod program;
mod proxy;
mod stage;
mod wait;

pub use api::{Answer, Api};
pub use broker::{OpenTransaction, Sent, raw};
pub use launch::Launch;
pub use own::Own;
pub use program::Program;
pub use proxy::{Lost, Network, Proxy};
pub use stage::{Stage, test_events};
pub use wait::{PATIENCE, eventually};
