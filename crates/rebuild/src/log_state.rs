//! The state of the log now. The requests block, so they run on threads that may wait.

use std::time::Duration;

use event_log::{KafkaSettings, LogClient, OffsetRanges};
use orders::{LogIdentity, Positions};

use crate::error::Result;

/// How long one question to Kafka may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Clone, Debug)]
pub(crate) struct LogState {
    /// `None` if the topic does not exist.
    pub(crate) identity: Option<LogIdentity>,
    pub(crate) offset_ranges: OffsetRanges,
}

impl LogState {
    pub(crate) async fn read(settings: &KafkaSettings) -> Result<Self> {
        ask(settings, |client| {
            Ok(Self {
                identity: client.identity(ANSWER_TIMEOUT)?,
                offset_ranges: client.offset_ranges(ANSWER_TIMEOUT)?,
            })
        })
        .await
    }
}

/// The end offsets of all partitions.
pub(crate) async fn end_offsets(settings: &KafkaSettings) -> Result<Positions> {
    let ranges = ask(settings, |client| client.offset_ranges(ANSWER_TIMEOUT)).await?;
    Ok(ranges.into_iter().map(|(partition, range)| (partition, range.end_offset)).collect())
}

async fn ask<T: Send + 'static>(
    settings: &KafkaSettings,
    question: impl FnOnce(LogClient) -> event_log::Result<T> + Send + 'static,
) -> Result<T> {
    let settings = settings.clone();
    Ok(tokio::task::spawn_blocking(move || question(LogClient::new(&settings)?)).await??)
}
