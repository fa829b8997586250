//! What is needed before the group is joined: the database with its tables, the topic, and a log
//! that matches the positions.

use std::time::Duration;

use event_log::{EndsWatch, LogClient, OffsetRanges, TopicSpec, ensure_topic};
use orders::{LogIdentity, Position, Positions};
use service::{Exit, Failure, Shell};
use tokio::task::spawn_blocking;
use views::Session;
use views::deployment::Deployment;
use views::gaps::Gap;

use crate::deployment::failed;
use crate::retry::{Attempt, retry};
use crate::log_check::{check_fingerprints, check_identity, check_positions};
use crate::pulse::Pulse;
use crate::settings::Settings;
use crate::deployment;

/// For one request.
const KAFKA_TIMEOUT: Duration = Duration::from_secs(10);
const ENDS_INTERVAL: Duration = Duration::from_secs(1);

/// What the consumer works with once both servers have answered.
pub struct Ready {
    pub session: Session,
    /// The right to write.
    pub deployment: Deployment,
    pub ends: EndsWatch,
    /// The log that the active build was made from.
    pub recorded: LogIdentity,
    /// The end offsets at the start.
    pub target: Positions,
}

/// Waits for PostgreSQL and Kafka; `None` if the process is told to stop meanwhile.
pub async fn until_ready(settings: &Settings, shell: &Shell) -> Result<Option<Ready>, Failure> {
    shell.health.set("database", Err("not reached yet"));
    shell.health.set("kafka", Err("not reached yet"));
    if retry(shell, "PostgreSQL", || migrate(settings)).await?.is_none() {
        return Ok(None);
    }
    let Some(deployment) = deployment::join(settings, shell).await? else { return Ok(None) };
    shell.health.set("database", Ok::<(), String>(()));
    let Some(found) = retry(shell, "Kafka", || fitting_log(settings)).await? else { return Ok(None) };
    let Found { session, recorded, target } = found;
    tokio::select! {
        () = shell.stop.cancelled() => return Ok(None),
        checked = check_fingerprints(settings, &session) => checked?,
    }
    shell.health.set("kafka", Ok::<(), String>(()));
    let ends = EndsWatch::start(&settings.kafka, ENDS_INTERVAL, Pulse::end_offsets(&shell.health).into())?;
    Ok(Some(Ready { session, deployment, ends, recorded, target }))
}

async fn migrate(settings: &Settings) -> Attempt<()> {
    views::migrate::migrate(&settings.database).await.map_err(failed)
}

/// A log that matches the positions.
struct Found {
    session: Session,
    recorded: LogIdentity,
    target: Positions,
}

async fn fitting_log(settings: &Settings) -> Attempt<Found> {
    // Each attempt with its own session: either server may go away while the other is waited for.
    let mut session = settings.database.session("food-orders consumer", &[]).await.map_err(failed)?;
    let active = views::builds::active(&session.client).await.map_err(failed)?;
    if !settings.accepted_gaps.is_empty() {
        let (_, ranges) = log(settings).await?;
        accept_gaps(settings, &mut session, active.build, &ranges).await.map_err(|failure| (false, failure))?;
    }
    // Read before the log is asked: other members go on meanwhile, and a position that is read later
    // could lie beyond the ends that the log had then.
    let read = views::positions::read(&session.client, active.build).await.map_err(failed)?;
    let (log, ranges) = log(settings).await?;
    let positions = ranges.keys().map(|partition| (*partition, Position::START)).chain(read).collect();
    let recorded = views::log_identity::record(&session.client, active.build, &log).await.map_err(failed)?;
    check_identity(&log, &recorded)
        .and_then(|()| check_positions(&log.topic, &ranges, &positions))
        .map_err(|mismatch| (false, Failure::with(Exit::LogIdentity)(mismatch)))?;
    let target = ranges.into_iter().map(|(partition, range)| (partition, range.end_offset)).collect();
    Ok(Found { session, recorded, target })
}

/// A gap that was accepted before is skipped, so the flag may stay in the command.
async fn accept_gaps(
    settings: &Settings,
    session: &mut Session,
    build: i64,
    ranges: &OffsetRanges,
) -> Result<(), Failure> {
    for gap in &settings.accepted_gaps {
        let Gap { partition, from, to } = *gap;
        let positions = views::positions::read(&session.client, build).await?;
        let position = positions.get(&partition).copied().unwrap_or(Position::START);
        if position >= to {
            continue;
        }
        let low_watermark = ranges.get(&partition).map(|range| range.low_watermark);
        let refused = |what: String| {
            Err(Failure::new(
                Exit::LogIdentity,
                format!("--accept-gap {partition}={from}..{to} refused: {what}"),
            ))
        };
        if low_watermark != Some(to) {
            let found = low_watermark
                .map_or("does not exist".to_owned(), |low| format!("begins at offset {low} in the log"));
            return refused(format!("partition {partition} {found}"));
        }
        let reason = "accepted at the start of a consumer, by --accept-gap";
        match views::gaps::accept(&mut session.client, build, *gap, reason).await? {
            Some(decision) => tracing::warn!(
                decision,
                partition = partition.0,
                from = from.0,
                to = to.0,
                "records that the log has lost are left out, as --accept-gap decides"
            ),
            None => return refused(format!("the next offset to apply is {position}")),
        }
    }
    Ok(())
}

async fn log(settings: &Settings) -> Attempt<(LogIdentity, OffsetRanges)> {
    let failed = |error: event_log::Error| (error.is_passing(), Failure::from(error));
    let topic = ensure_topic(&settings.kafka, &TopicSpec::default()).await.map_err(failed)?;
    for warning in topic.warnings {
        tracing::warn!("{warning}");
    }
    let kafka = settings.kafka.clone();
    let asked = spawn_blocking(move || {
        let client = LogClient::new(&kafka)?;
        let gone = || event_log::Error::TopicGone(kafka.topic.clone());
        let identity = client.identity(KAFKA_TIMEOUT)?.ok_or_else(gone)?;
        Ok((identity, client.offset_ranges(KAFKA_TIMEOUT)?))
    });
    asked.await.map_err(|error| (false, Failure::from(error)))?.map_err(failed)
}

impl Ready {
    /// The sum of the end offsets at the start.
    pub fn events(&self) -> i64 {
        self.target.iter().map(|(_, end)| Position::START.behind(end)).sum()
    }
}
