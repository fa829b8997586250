//! The settings that all programs take. What those of Kafka and PostgreSQL are, event-log and views know.

mod listen;
mod log;
mod shell;

pub use ::settings::{Invalid, given, given_secret, number, secret, whole_number};

pub use listen::{MetricsArgs, parse_listen};
pub use log::{Format, Log, LogArgs};
pub use shell::{ShellArgs, ShellSettings};
