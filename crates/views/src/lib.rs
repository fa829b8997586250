//! PostgreSQL: sessions, migrations, builds, positions, applying a batch and reading. The only crate
//! that uses tokio-postgres: no public function takes or returns one of its clients.

pub mod apply;
mod build;
pub mod builds;
pub mod connect;
mod database_args;
pub mod dead_letters;
pub mod decisions;
pub mod deployment;
pub mod error;
mod event_id;
pub mod gaps;
pub mod history;
pub mod lane;
pub mod log_identity;
pub mod metrics;
pub mod migrate;
#[cfg(feature = "openapi")]
pub mod openapi;
mod order_columns;
pub mod ownership;
mod parts;
mod positions;
mod projection;
pub mod read;
pub mod rebuild;
mod row_values;
pub mod schemas;
mod session;
pub mod sql;
mod totals;
mod trace_id;
mod tx;
mod winners;

pub use build::Build;
pub use connect::Database;
pub use database_args::DatabaseArgs;
pub use error::{Error, Recovery, Result, StartLimit};
pub use event_id::EventId;
pub use parts::{InvalidParts, Part, Parts};
pub use projection::{DEFAULT_MAX_RECORD_BYTES, Projection};
pub use session::{Session, SessionKind, SynchronousCommit};
pub use totals::Totals;
pub use trace_id::TraceId;
pub use winners::Winners;

/// The only view so far. Positions, builds and rebuilds are recorded under its name.
pub const ORDERS: &str = "orders";

/// The version of view `orders` that this code writes and reads. It is raised when the same log would
/// lead to other rows.
pub const PROJECTION_VERSION: i32 = 2;
