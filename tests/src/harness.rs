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
mod program;
mod stage;
mod wait;

pub use api::{Answer, Api};
pub use broker::{Sent, raw};
pub use launch::Launch;
pub use program::Program;
pub use stage::{Stage, test_events};
pub use wait::{PATIENCE, eventually};
