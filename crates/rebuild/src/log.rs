//! Questions to the log, asked from a thread that may wait.

use std::time::Duration;

use event_log::{Ends, KafkaSettings, LogClient};

use crate::error::Result;

const TIMEOUT: Duration = Duration::from_secs(10);

/// The log as it stands.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    pub(crate) cluster_id: String,
    pub(crate) ends: Ends,
}

pub(crate) async fn look(settings: &KafkaSettings) -> Result<Log> {
    ask(settings, |client| {
        Ok(Log { cluster_id: client.cluster_id(TIMEOUT)?, ends: client.watermarks(TIMEOUT)? })
    })
    .await
}

/// Where the partitions begin and end now.
pub(crate) async fn ends(settings: &KafkaSettings) -> Result<Ends> {
    ask(settings, |client| client.watermarks(TIMEOUT)).await
}

async fn ask<T: Send + 'static>(
    settings: &KafkaSettings,
    question: impl FnOnce(LogClient) -> event_log::Result<T> + Send + 'static,
) -> Result<T> {
    let settings = settings.clone();
    Ok(tokio::task::spawn_blocking(move || question(LogClient::new(&settings)?)).await??)
}
