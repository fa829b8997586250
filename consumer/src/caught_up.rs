//! Waiting until the log is applied up to given end offsets.

use std::time::Duration;

use orders::Positions;
use retry::Backoff;
use views::{Database, Session, SessionKind};

use crate::error::Result;

/// How often the positions are read: they alone show what other members of the group have applied.
const INTERVAL: Duration = Duration::from_millis(200);

/// Returns once every partition's position in the active build has reached its end.
pub async fn wait(database: &Database, mut session: Session, ends: &Positions) -> Result<()> {
    let mut backoff = Backoff::default();
    loop {
        match is_reached(&session, ends).await {
            Ok(true) => {
                tracing::info!("caught up with the end offsets seen at the start");
                return Ok(());
            }
            Ok(false) => {
                backoff.reset();
                tokio::time::sleep(INTERVAL).await;
            }
            Err(error) if error.is_passing() => {
                tokio::time::sleep(backoff.next_pause()).await;
                if let Ok(fresh) = database.session("food-orders consumer", SessionKind::Short).await {
                    session = fresh;
                }
            }
            Err(error) => return Err(error),
        }
    }
}

async fn is_reached(session: &Session, ends: &Positions) -> Result<bool> {
    let positions = views::builds::of_active(session, async |active| active.build.positions(session).await);
    Ok(positions.await?.have_reached(ends))
}
