//! Keeps the right to write to this database for as long as the process runs.

use std::time::Duration;

use service::{Exit, Failure, Shell};
use views::deployment::Deployment;
use views::{Error, Recovery};

use crate::retry::retry;
use crate::settings::Settings;

/// How soon a lost session is noticed. Claims are refused by the database meanwhile.
const INTERVAL: Duration = Duration::from_secs(2);

/// Takes part in the group's deployment. Waits for the database, not for another group;
/// `None` if the process is to stop meanwhile.
pub async fn join(settings: &Settings, shell: &Shell) -> Result<Option<Deployment>, Failure> {
    retry(shell, "PostgreSQL", async || {
        Deployment::join(&settings.database, settings.group.as_str()).await.map_err(failed)
    })
    .await
}

/// Joins anew whenever the session was lost; returns only if another group has come.
pub async fn keep(settings: &Settings, shell: &Shell, mut deployment: Deployment) -> Failure {
    loop {
        tokio::time::sleep(INTERVAL).await;
        if !deployment.is_held().await {
            deployment = match join(settings, shell).await {
                Ok(Some(deployment)) => deployment,
                Ok(None) => std::future::pending().await,
                Err(failure) => return failure,
            };
            tracing::info!("the database is back; this group still has it");
        }
    }
}

/// For [`retry`].
pub fn failed(error: Error) -> (bool, Failure) {
    (error.recovery() == Recovery::Retry, failure(error))
}

pub fn failure(error: Error) -> Failure {
    let exit = match error {
        Error::OtherDeployment { .. } => Exit::OtherDeployment,
        Error::TooManyDeadLetters { .. } => Exit::CircuitBreaker,
        Error::ProjectionVersion { .. } => Exit::ProjectionVersion,
        _ => Exit::Unexpected,
    };
    Failure::with(exit)(error)
}
