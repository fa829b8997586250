//! The shell that all programs share: settings, logs, metrics, health, signals, exit codes and the memory allocator. It
//! knows neither Kafka nor PostgreSQL.

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

/// A consumer that drains a long log makes and frees buffers of all sizes on many threads. With the allocator of glibc its
/// memory grew for as long as it ran; with this one it does not (docs/performance.md).
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;
