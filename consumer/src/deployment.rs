//! Keeps the right to write to this database for as long as the process runs.

use std::time::Duration;

use retry::retry;
use views::deployment::Deployment;

use crate::error::{Error, Result};
use crate::settings::Settings;

/// How soon a lost session is noticed. Until then, the database itself refuses claims if another group
/// has taken over.
const INTERVAL: Duration = Duration::from_secs(2);

/// Joins the group's deployment. Waits for the database, but not for another group to leave.
pub async fn join(settings: &Settings) -> Result<Deployment> {
    retry("PostgreSQL", Error::is_passing, || join_once(settings)).await
}

/// Joins again whenever the session is lost. Returns only with an error, such as when another group
/// has taken over.
pub async fn keep(settings: &Settings, mut deployment: Deployment) -> Error {
    loop {
        tokio::time::sleep(INTERVAL).await;
        if !deployment.is_held().await {
            deployment = match join(settings).await {
                Ok(deployment) => deployment,
                Err(error) => return error,
            };
            tracing::info!("the database is back and still belongs to this group");
        }
    }
}

async fn join_once(settings: &Settings) -> Result<Deployment> {
    Ok(Deployment::join(&settings.database, settings.group.as_str()).await?)
}
