//! The real binaries against a real Kafka and a real PostgreSQL, from outside.
//!
//! [`oracle`] says whether the tables are what the log implies; it shares no rule with the
//! code that it judges. [`harness`] starts the binaries and waits for what they do.

pub mod harness;
pub mod oracle;
