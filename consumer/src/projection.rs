//! A consumer writes only to a build of its own projection version. While another version's build is active, it
//! stays out of the group, so that the consumers of that version keep all partitions.

use std::time::Duration;

use retry::{Throttle, retry};
use service::Health;
use views::SessionKind;
use views::builds::{self, Active};

use crate::error::{Error, Result};
use crate::settings::Settings;

const LOOK_INTERVAL: Duration = Duration::from_secs(3);

/// Returns once the active build is one that this program may write to. A consumer that is to end once it has caught
/// up fails instead of waiting: it would not end.
pub async fn wait(settings: &Settings, health: &Health) -> Result<()> {
    let mut warnings = Throttle::default();
    loop {
        let active = retry("PostgreSQL", Error::is_passing, || active(settings)).await?;
        let Err(error) = active.check_version() else {
            health.set("projection", Ok::<(), String>(()));
            return Ok(());
        };
        if settings.until_caught_up {
            return Err(error.into());
        }
        health.set("projection", Err(error.to_string()));
        if warnings.is_due() {
            tracing::warn!(reason = %error, "staying out of the group until a build of this version is active");
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

async fn active(settings: &Settings) -> Result<Active> {
    let session = settings.database.session("food-orders consumer", SessionKind::Short).await?;
    Ok(builds::active(&session).await?)
}
