//! The lock of a view's rebuilds: of all processes, one at a time may drive one.

use std::time::Duration;

use crate::connect::Database;
use crate::error::{Error, Result};
use crate::session::{Session, SessionKind};

/// The number has no meaning; it only has to differ from those of our other locks. The second key is the
/// view.
const REBUILD_LOCK: i32 = 0x00f0_0d03;

/// How soon the loss of the lock is noticed.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Held until it is dropped or the process ends.
pub struct RunnerLock {
    session: Session,
}

impl RunnerLock {
    /// `None`: another session holds it.
    pub async fn take(database: &Database, view: &str) -> Result<Option<Self>> {
        let session = database.session("food-orders rebuild lock", SessionKind::Short).await?;
        let taken: bool = session
            .client
            .query_one(
                "/* views::rebuild::lock::take */ SELECT pg_try_advisory_lock($1, hashtext($2))",
                &[&REBUILD_LOCK, &view],
            )
            .await
            .map_err(Error::during("taking the lock of a rebuild"))?
            .get(0);
        Ok(taken.then_some(Self { session }))
    }

    /// Whether the session is still open, and the lock held with it.
    #[must_use]
    pub fn is_held(&self) -> bool {
        !self.session.is_closed()
    }

    /// Returns once the lock is lost, with the error that says so. The server is asked, because it may have ended the
    /// session without a word.
    pub async fn lost(&self) -> Error {
        loop {
            tokio::time::sleep(CHECK_INTERVAL).await;
            if let Err(cause) = self.session.client.batch_execute("/* views::rebuild::lock::lost */").await {
                return Error::during("keeping the lock of a rebuild")(cause);
            }
        }
    }
}
