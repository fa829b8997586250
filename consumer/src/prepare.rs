//! What has to be there before the group is joined: the database with its tables,
//! the topic, and a log that fits the positions.

use std::collections::BTreeMap;
use std::time::Duration;

use event_log::{EndsWatch, LogClient, TopicSpec, ensure_topic};
use orders::{LogIdentity, Partition, Position};
use service::{Exit, Failure, Shell};
use tokio::task::spawn_blocking;
use views::deployment::Deployment;
use views::gaps::Gap;
use views::{Build, Session, SessionKind};

use crate::deployment::failed;
use crate::retry::{Attempt, retry};
use crate::settings::Settings;
use crate::{deployment, fingerprints, identity};

const KAFKA_TIMEOUT: Duration = Duration::from_secs(10);
const ENDS_INTERVAL: Duration = Duration::from_secs(1);

/// The outside world, ready.
pub struct Ready {
    pub session: Session,
    /// The right to write.
    pub deployment: Deployment,
    pub ends: EndsWatch,
    /// What the active build was made from.
    pub recorded: LogIdentity,
    /// The end offsets at the start.
    pub target: event_log::Ends,
}

/// Waits for PostgreSQL and Kafka; `None` if the process is to stop meanwhile.
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
        checked = fingerprints::check(settings, &session) => checked?,
    }
    shell.health.set("kafka", Ok::<(), String>(()));
    let ends = EndsWatch::start(&settings.kafka, ENDS_INTERVAL)?;
    Ok(Some(Ready { session, deployment, ends, recorded, target }))
}

async fn migrate(settings: &Settings) -> Attempt<()> {
    views::migrate::migrate(&settings.database).await.map_err(failed)
}

/// A log that the positions fit to.
struct Found {
    session: Session,
    recorded: LogIdentity,
    target: event_log::Ends,
}

async fn fitting_log(settings: &Settings) -> Attempt<Found> {
    // Each attempt with its own session: either server may go away while the other is waited for.
    let mut session =
        settings.database.session("food-orders consumer", SessionKind::Short).await.map_err(failed)?;
    let active = views::builds::active(&session).await.map_err(failed)?;
    if !settings.accepted_gaps.is_empty() {
        let (_, ends) = log(settings).await?;
        accept_gaps(settings, &mut session, active.build, &ends).await.map_err(|failure| (false, failure))?;
    }
    // Before the log is asked: other members go on meanwhile, and a position read later
    // could lie beyond the ends that the log had then.
    let mut positions: BTreeMap<Partition, Position> =
        active.build.positions(&session).await.map_err(failed)?.into_iter().collect();
    let (log, target) = log(settings).await?;
    for partition in target.keys() {
        positions.entry(*partition).or_insert(Position::START);
    }
    let recorded = active.build.record_log_identity(&session, &log).await.map_err(failed)?;
    identity::check(&log, &recorded)
        .and_then(|()| identity::check_positions(&log.topic, &target, &positions))
        .map_err(|message| (false, Failure::new(Exit::LogIdentity, message)))?;
    Ok(Found { session, recorded, target })
}

/// What was accepted before is left alone, so that the flag may stay where it is.
async fn accept_gaps(
    settings: &Settings,
    session: &mut Session,
    build: Build,
    ends: &event_log::Ends,
) -> Result<(), Failure> {
    for gap in &settings.accepted_gaps {
        let Gap { partition, from, to } = *gap;
        let positions = build.positions(session).await?;
        let position = positions.of(partition);
        if position >= to {
            continue;
        }
        let low = ends.get(&partition).map(|marks| marks.low);
        let refused = |what: String| {
            Err(Failure::new(
                Exit::LogIdentity,
                format!("--accept-gap {partition}={from}..{to} refused: {what}"),
            ))
        };
        if low != Some(to) {
            let low = low.map_or("is not there".to_owned(), |low| format!("begins at offset {low}"));
            return refused(format!("the log of partition {partition} {low}"));
        }
        let reason = "accepted at the start of a consumer, by --accept-gap";
        match build.accept_gap(session, *gap, reason).await? {
            Some(decision) => tracing::warn!(
                decision,
                partition = partition.0,
                from = from.0,
                to = to.0,
                "records that the log has lost are left out, as decided"
            ),
            None => return refused(format!("the next offset to apply is {position}")),
        }
    }
    Ok(())
}

async fn log(settings: &Settings) -> Attempt<(LogIdentity, event_log::Ends)> {
    let failed = |error: event_log::Error| (error.is_passing(), Failure::from(error));
    let topic = ensure_topic(&settings.kafka, &TopicSpec::default()).await.map_err(failed)?;
    for warning in topic.warnings {
        tracing::warn!("{warning}");
    }
    let kafka = settings.kafka.clone();
    let asked = spawn_blocking(move || {
        let client = LogClient::new(&kafka)?;
        let gone = || event_log::Error::Unreachable(format!("topic {} is not there any more", kafka.topic));
        let identity = client.identity(KAFKA_TIMEOUT)?.ok_or_else(gone)?;
        Ok((identity, client.watermarks(KAFKA_TIMEOUT)?))
    });
    asked.await.map_err(|error| (false, Failure::from(error)))?.map_err(failed)
}

impl Ready {
    /// How many records lie between nothing and the target: for the log.
    pub fn events(&self) -> i64 {
        self.target.values().map(|marks| Position::START.behind(marks.end)).sum()
    }
}
