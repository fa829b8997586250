//! Waiting until the log is applied up to given ends.

use std::time::Duration;

use event_log::Ends;
use service::Failure;
use views::{Database, Recovery, Session, SessionKind};

/// Positions are read this often: nothing else tells what other members applied.
const INTERVAL: Duration = Duration::from_millis(200);

/// Returns when every partition's position in the active build has reached its end.
pub async fn wait(database: &Database, mut session: Session, target: &Ends) -> Result<(), Failure> {
    let mut tries = 0;
    loop {
        match is_there(&session, target).await {
            Ok(true) => return Ok(()),
            Ok(false) => {
                tries = 0;
                tokio::time::sleep(INTERVAL).await;
            }
            Err(error) if error.recovery() == Recovery::Retry => {
                tries += 1;
                tokio::time::sleep(views::tx::pause(tries)).await;
                if let Ok(fresh) = database.session("food-orders consumer", SessionKind::Short).await {
                    session = fresh;
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
}

async fn is_there(session: &Session, target: &Ends) -> views::Result<bool> {
    let active = views::builds::active(session).await?;
    let positions = active.build.positions(session).await?;
    Ok(target.iter().all(|(partition, marks)| positions.of(*partition) >= marks.end))
}
