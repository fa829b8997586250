//! Waiting until the log is applied up to given end offsets.

use std::time::Duration;

use orders::Positions;
use service::Failure;
use views::{Database, Recovery, Session};

/// Positions are read this often: nothing else tells what other members of the group have applied.
const INTERVAL: Duration = Duration::from_millis(200);

/// Returns once every partition's position in the active build has reached its end.
pub async fn wait(database: &Database, mut session: Session, ends: &Positions) -> Result<(), Failure> {
    let mut tries = 0;
    loop {
        match is_reached(&session, ends).await {
            Ok(true) => {
                tracing::info!("caught up with the end offsets seen at the start");
                return Ok(());
            }
            Ok(false) => {
                tries = 0;
                tokio::time::sleep(INTERVAL).await;
            }
            Err(error) if error.recovery() == Recovery::Retry => {
                tries += 1;
                tokio::time::sleep(views::tx::pause(tries)).await;
                if let Ok(fresh) = database.session("food-orders consumer", &[]).await {
                    session = fresh;
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
}

async fn is_reached(session: &Session, ends: &Positions) -> views::Result<bool> {
    let active = views::builds::active(&session.client).await?;
    let positions = views::positions::read(&session.client, active.build).await?;
    Ok(positions.into_iter().collect::<Positions>().have_reached(ends))
}
