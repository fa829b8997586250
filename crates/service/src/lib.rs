//! The shell that all programs share: settings, logs, metrics, health, signals and exit codes. It knows
//! neither Kafka nor PostgreSQL.

pub mod describe;
pub mod exit;
pub mod health;
pub mod http;
pub mod logging;
pub mod metrics;
mod probe_server;
pub mod run;
pub mod settings;
pub mod signals;

pub use crate::settings::{Invalid, ShellArgs};
pub use exit::{Exit, Failure, chain};
pub use health::Health;
pub use metrics::Metrics;
pub use run::{Shell, run};
