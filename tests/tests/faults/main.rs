//! Faults in the real parts: Kafka, PostgreSQL, our binaries. docs/faults.md lists them; the name of a test
//! begins with the number of its fault. After each fault, the oracle compares the tables with an independent
//! fold of the topic.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)] // This is test code.

mod access_control;
mod api_connections;
mod breaker;
mod broker_disk;
mod brokers;
mod builds;
mod database_outages;
mod database_rights;
mod deployment;
mod disk;
mod document;
mod high_watermark;
mod hostile_records;
mod hot_orders;
// The proxy in front of Kafka that the tests of `event-log` use.
#[allow(dead_code)]
#[path = "../../../crates/event-log/tests/log/proxy.rs"]
mod kafka_proxy;
mod kills;
mod load;
mod lock_conflicts;
mod log;
mod log_identity;
mod lost_commits;
mod lost_locks;
mod outputs;
mod ownership;
mod raw_producer;
mod read_only;
mod rebuilds;
mod records;
mod refused_values;
mod role_settings;
mod signals;
mod small_disk;
mod start;
mod support;
mod switches;
mod unsuitable_database;
