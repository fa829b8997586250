//! The settings of the shell. Those of Kafka are in event-log, those of PostgreSQL in views.

mod listen;
mod log;
mod shell;

pub use ::settings::{Invalid, number, secret, whole_number};

pub use listen::{MetricsArgs, parse_listen};
pub use log::{Format, Log, LogArgs};
pub use shell::{ShellArgs, ShellSettings};
