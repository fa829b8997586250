//! Faults put into the real parts: Kafka, PostgreSQL, our binaries. docs/faults.md lists them; the number of a fault is
//! in the name of its test. After each, the oracle: an independent fold of the topic, compared with the tables.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)] // all of this is test code

mod breaker;
mod database;
mod deployment;
mod disk;
mod document;
mod kills;
mod log;
mod log_identity;
mod ownership;
mod records;
mod support;
