//! How long a program that starts waits for a database that does not exist.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use super::{Error, Recovery};

/// Long enough for another process that is about to make it.
const LIMIT: Duration = Duration::from_secs(5);

/// Belongs to the loop in which a program waits for PostgreSQL while it starts. A running program waits without this
/// limit, because a backup that is restored may drop the database and make it again.
#[derive(Debug, Default)]
pub struct StartLimit {
    missing_since: OnceLock<Instant>,
}

impl StartLimit {
    /// Whether the same call may succeed later.
    pub fn is_passing(&self, error: &Error) -> bool {
        match error {
            Error::NoDatabase { .. } => self.missing_since.get_or_init(Instant::now).elapsed() < LIMIT,
            error => error.recovery() == Recovery::Retry,
        }
    }
}
