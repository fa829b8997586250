//! Questions to the log, asked from a thread that may wait.

use std::time::Duration;

use event_log::{KafkaSettings, LogClient, OffsetRanges};
use orders::LogIdentity;

use crate::error::Result;

const TIMEOUT: Duration = Duration::from_secs(10);

/// The log as it stands.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    /// `None`: there is no such topic.
    pub(crate) identity: Option<LogIdentity>,
    pub(crate) ends: OffsetRanges,
}

pub(crate) async fn look(settings: &KafkaSettings) -> Result<Log> {
    ask(settings, |client| {
        Ok(Log { identity: client.identity(TIMEOUT)?, ends: client.offset_ranges(TIMEOUT)? })
    })
    .await
}

/// Where the partitions begin and end now.
pub(crate) async fn ends(settings: &KafkaSettings) -> Result<OffsetRanges> {
    ask(settings, |client| client.offset_ranges(TIMEOUT)).await
}

async fn ask<T: Send + 'static>(
    settings: &KafkaSettings,
    question: impl FnOnce(LogClient) -> event_log::Result<T> + Send + 'static,
) -> Result<T> {
    let settings = settings.clone();
    Ok(tokio::task::spawn_blocking(move || question(LogClient::new(&settings)?)).await??)
}
