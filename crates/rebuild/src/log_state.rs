//! The state of the log now. The requests block, so they run on threads that may wait.

use std::time::Duration;

use event_log::{KafkaSettings, LogClient, OffsetRanges};
use orders::{LogIdentity, Positions};

use crate::error::Result;
use crate::failure::Failure;
use crate::outcome::FailureCause;
use crate::plan::Plan;

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

/// Why a rebuild fails if the log is no longer the one that it was planned for.
pub(crate) async fn other_log(settings: &KafkaSettings, plan: &Plan) -> Result<Option<Box<Failure>>> {
    let problem = match ask(settings, |client| client.identity(ANSWER_TIMEOUT)).await? {
        None => format!("topic {} no longer exists", plan.topic),
        Some(found) => match found.conflict_with(&plan.log_identity()) {
            None => return Ok(None),
            Some(conflict) => conflict.to_string(),
        },
    };
    let reason = format!(
        "the log is no longer the one that this rebuild began with: {problem}; the new build was not switched to, and the \
         live tables stay as they are"
    );
    Ok(Some(Box::new(Failure::new(FailureCause::Log, reason))))
}

async fn ask<T: Send + 'static>(
    settings: &KafkaSettings,
    question: impl FnOnce(LogClient) -> event_log::Result<T> + Send + 'static,
) -> Result<T> {
    let settings = settings.clone();
    Ok(tokio::task::spawn_blocking(move || question(LogClient::new(&settings)?)).await??)
}
