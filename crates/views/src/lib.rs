//! PostgreSQL: connections, migrations, builds, positions, applying a batch and
//! reading. The only user of tokio-postgres.

pub mod apply;
pub mod builds;
pub mod connect;
mod database_args;
pub mod dead_letters;
pub mod decisions;
pub mod deployment;
pub mod error;
pub mod gaps;
pub mod history;
pub mod lane;
pub mod log_identity;
pub mod migrate;
pub mod positions;
pub mod read;
pub mod rebuild;
mod session;
pub mod sql;
pub mod tx;

pub use builds::Build;
pub use connect::Database;
pub use database_args::DatabaseArgs;
pub use error::{Error, Recovery, Result};
pub use session::{Session, SessionKind, SynchronousCommit};

/// The view that there is so far; positions, builds and rebuilds name it.
pub const ORDERS: &str = "orders";

/// The version of the meaning of view `orders` that this code writes. Raised when
/// the same log would lead to other rows.
pub const PROJECTION_VERSION: i32 = 1;
