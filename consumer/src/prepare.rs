//! What is needed before the group is joined: the database with its tables, the topic, and a log
//! that matches the positions.

use std::time::Duration;

use event_log::{EndsWatch, LogClient, OffsetRanges, TopicSpec, ensure_topic};
use orders::{LogIdentity, Partition, Position, Positions};
use retry::retry;
use service::{Failure, Shell};
use tokio::task::spawn_blocking;
use views::deployment::Deployment;
use views::{Session, SessionKind, StartLimit};

use crate::error::{Error, Result};
use crate::group_check::GroupCheck;
use crate::log_check::{check_identity, check_positions, verify_fingerprints};
use crate::pulse::Pulse;
use crate::settings::Settings;
use crate::{deployment, gaps, projection};

/// Bounds each request.
const KAFKA_TIMEOUT: Duration = Duration::from_secs(10);
const ENDS_INTERVAL: Duration = Duration::from_secs(1);

/// What the consumer needs, all of it available once both servers have answered.
pub struct Ready {
    pub session: Session,
    /// The right to write.
    pub deployment: Deployment,
    pub group: GroupCheck,
    pub ends: EndsWatch,
    /// The log that the active build was made from.
    pub recorded: LogIdentity,
    /// The end offsets at the start.
    pub target: Positions,
}

/// Waits for PostgreSQL and Kafka. `None` if the process is told to stop before they are ready.
pub async fn until_ready(settings: &Settings, shell: &Shell) -> Result<Option<Ready>, Failure> {
    shell.health.set("database", Err("not reached yet"));
    shell.health.set("kafka", Err("not reached yet"));
    let ready = shell.stop.run_until_cancelled(prepare(settings, shell)).await;
    ready.transpose().map_err(Error::into_failure)
}

async fn prepare(settings: &Settings, shell: &Shell) -> Result<Ready> {
    let limit = StartLimit::default();
    retry("PostgreSQL", |error| limit.is_passing(error), || views::migrate::migrate(&settings.database))
        .await?;
    let deployment = deployment::join(settings).await?;
    shell.health.set("database", Ok::<(), String>(()));
    projection::wait(settings, &shell.health).await?;
    let matching = retry("Kafka", Error::is_passing, || matching_log(settings)).await?;
    let MatchingLog { session, recorded, target, first_position } = matching;
    shell.health.set("kafka", Ok::<(), String>(()));
    verify_fingerprints(settings, &shell.health).await?;
    let group = GroupCheck::new(settings, deployment.id())?;
    group.before_joining(first_position).await?;
    let ends = EndsWatch::start(&settings.kafka, ENDS_INTERVAL, Pulse::end_offsets(&shell.health).into())?;
    Ok(Ready { session, deployment, group, ends, recorded, target })
}

struct MatchingLog {
    session: Session,
    recorded: LogIdentity,
    target: Positions,
    /// That of partition 0.
    first_position: Position,
}

/// Each attempt opens its own session, since either server may go away while this waits for the other.
async fn matching_log(settings: &Settings) -> Result<MatchingLog> {
    let mut session = settings.database.session("food-orders consumer", SessionKind::Short).await?;
    let build = views::builds::active(&session).await?.build;
    if !settings.accepted_gaps.is_empty() {
        let (_, ranges) = log(settings).await?;
        gaps::accept(&mut session, build, &settings.accepted_gaps, &ranges).await?;
    }
    // The positions are read before the log is asked. Other members keep applying records, so a position
    // that is read later could lie beyond the end offsets in the log's answer.
    let read = build.positions(&session).await?;
    let (log, ranges) = log(settings).await?;
    let positions = ranges.keys().map(|partition| (*partition, Position::START)).chain(read).collect();
    let recorded = build.record_log_identity(&session, &log).await?;
    check_identity(&log, &recorded)?;
    check_positions(&log.topic, &ranges, &positions)?;
    let first_position = positions.of(Partition(0));
    let target = ranges.into_iter().map(|(partition, range)| (partition, range.end_offset)).collect();
    Ok(MatchingLog { session, recorded, target, first_position })
}

/// The identity of the log and the offsets that it holds. Creates the topic if it does not exist.
async fn log(settings: &Settings) -> Result<(LogIdentity, OffsetRanges)> {
    let topic = ensure_topic(&settings.kafka, &TopicSpec::default()).await?;
    for warning in topic.warnings {
        tracing::warn!("{warning}");
    }
    let kafka = settings.kafka.clone();
    let answer = spawn_blocking(move || {
        let client = LogClient::new(&kafka)?;
        let gone = || event_log::Error::TopicGone(kafka.topic.clone());
        let identity = client.identity(KAFKA_TIMEOUT)?.ok_or_else(gone)?;
        Ok((identity, client.offset_ranges(KAFKA_TIMEOUT)?))
    });
    let task = |cause| Error::Task { attempt: "asking which log this is", cause };
    answer.await.map_err(task)?
}

impl Ready {
    /// The sum of the end offsets at the start.
    pub fn end_offset_sum(&self) -> i64 {
        self.target.iter().map(|(_, end)| Position::START.behind(end)).sum()
    }
}
