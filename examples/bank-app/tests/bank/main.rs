//! The program with a real Kafka: requests go in, instances are killed, paused and fenced, and what can be read as committed
//! afterwards is compared with an independent fold of the inputs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that cannot go on ends"
)]

mod account;
mod admin;
mod command_line;
mod faults;
mod fold;
mod instance;
mod murmur2;
mod records;
mod restore;
mod world;
