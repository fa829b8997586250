//! Who may drive the rebuild of a view: one session at a time, in all processes.

use crate::connect::Database;
use crate::error::{Error, Result};
use crate::session::{Session, SessionKind};

/// The number means nothing; it only has to be ours. The second key is the view.
const LOCK_CLASS: i32 = 0x00f0_0d03;

/// Held until it is dropped or the process ends.
pub struct RunnerLock {
    session: Session,
}

impl RunnerLock {
    /// `None`: somebody else has it.
    pub async fn take(database: &Database, view: &str) -> Result<Option<Self>> {
        let session = database.session("food-orders rebuild lock", SessionKind::Short).await?;
        let taken: bool = session
            .client
            .query_one(
                "/* views::rebuild::lock */ SELECT pg_try_advisory_lock($1, hashtext($2))",
                &[&LOCK_CLASS, &view],
            )
            .await
            .map_err(Error::during("taking the lock of a rebuild"))?
            .get(0);
        Ok(taken.then_some(Self { session }))
    }

    /// Whether the session still lives, and the lock with it.
    #[must_use]
    pub fn is_held(&self) -> bool {
        !self.session.is_closed()
    }
}
