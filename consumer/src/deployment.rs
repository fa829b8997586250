//! Keeps the right to write to this database for as long as the process runs.

use std::time::Duration;

use service::{Exit, Failure};
use views::deployment::Deployment;
use views::{Error, Recovery};

use crate::settings::Settings;

/// How soon a lost session is noticed. Claims are refused by the database meanwhile.
const INTERVAL: Duration = Duration::from_secs(2);

/// Takes part in the group's deployment. Waits for the database, not for another group.
pub async fn join(settings: &Settings) -> Result<Deployment, Failure> {
    for tries in 1.. {
        match Deployment::join(&settings.database, settings.group.as_str()).await {
            Ok(deployment) => return Ok(deployment),
            Err(error) if error.recovery() == Recovery::Retry => {
                tokio::time::sleep(views::tx::pause(tries)).await;
            }
            Err(error) => return Err(failure(error)),
        }
    }
    unreachable!("the loop returns")
}

/// Joins anew whenever the session was lost; returns only if another group has come.
pub async fn keep(settings: &Settings, mut deployment: Deployment) -> Failure {
    loop {
        tokio::time::sleep(INTERVAL).await;
        if !deployment.is_held().await {
            deployment = match join(settings).await {
                Ok(deployment) => deployment,
                Err(failure) => return failure,
            };
            tracing::info!("the database is back; this group still has it");
        }
    }
}

pub fn failure(error: Error) -> Failure {
    let exit = match error {
        Error::OtherDeployment { .. } => Exit::OtherDeployment,
        Error::TooManyLetters { .. } => Exit::CircuitBreaker,
        Error::ProjectionVersion { .. } => Exit::ProjectionVersion,
        _ => Exit::Unexpected,
    };
    Failure::with(exit)(error)
}
