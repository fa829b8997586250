//! Tests of the real binaries against a real Kafka and a real PostgreSQL, from outside.
//!
//! [`oracle`] compares the tables with what the log implies; it shares no rule with the code that it checks.
//! [`harness`] starts the binaries and waits for what they do.

pub mod harness;
pub mod oracle;
