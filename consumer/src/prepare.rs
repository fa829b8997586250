//! What has to be there before the group is joined: the database with its tables,
//! the topic, and a log that fits the positions.

use std::time::{Duration, Instant};

use event_log::{EndsWatch, LogClient, TopicSpec, ensure_topic};
use orders::{LogIdentity, Position};
use service::{Exit, Failure, Shell};
use tokio::task::spawn_blocking;
use views::{Recovery, Session};

use crate::settings::Settings;
use crate::{identity, last_record};

const KAFKA_TIMEOUT: Duration = Duration::from_secs(10);
const ENDS_INTERVAL: Duration = Duration::from_secs(1);

/// The outside world, ready.
pub struct Ready {
    pub session: Session,
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
    let Some(session) = retry(shell, "PostgreSQL", || database(settings)).await? else { return Ok(None) };
    shell.health.set("database", Ok::<(), String>(()));
    let Some((log, target)) = retry(shell, "Kafka", || log(settings)).await? else { return Ok(None) };
    let active = views::builds::active(&session.client).await?;
    let recorded = views::log_identity::record(&session.client, active.build, &log).await?;
    let positions = views::positions::read(&session.client, active.build).await?;
    identity::check(&log, &recorded)
        .and_then(|()| identity::check_positions(&log.topic, &target, &positions))
        .map_err(|message| Failure::new(Exit::LogIdentity, message))?;
    let fingerprints = views::positions::fingerprints(&session.client, active.build).await?;
    tokio::select! {
        () = shell.stop.cancelled() => return Ok(None),
        checked = last_record::check(&settings.kafka, &target, &fingerprints) => checked?,
    }
    shell.health.set("kafka", Ok::<(), String>(()));
    let ends = EndsWatch::start(&settings.kafka, ENDS_INTERVAL)?;
    Ok(Some(Ready { session, ends, recorded, target }))
}

/// Whether to try again, and the error.
type Attempt<T> = Result<T, (bool, Failure)>;

async fn retry<T>(
    shell: &Shell,
    what: &str,
    attempt: impl AsyncFn() -> Attempt<T>,
) -> Result<Option<T>, Failure> {
    let mut warned: Option<Instant> = None;
    for tries in 1.. {
        let failure = tokio::select! {
            () = shell.stop.cancelled() => return Ok(None),
            result = attempt() => match result {
                Ok(value) => return Ok(Some(value)),
                Err((true, failure)) => failure,
                Err((false, failure)) => return Err(failure),
            },
        };
        if warned.is_none_or(|at| at.elapsed() > Duration::from_secs(10)) {
            warned = Some(Instant::now());
            tracing::warn!(error = failure.message, "waiting for {what}");
        }
        tokio::select! {
            () = shell.stop.cancelled() => return Ok(None),
            () = tokio::time::sleep(views::tx::pause(tries)) => {}
        }
    }
    Ok(None)
}

async fn database(settings: &Settings) -> Attempt<Session> {
    let ready = async {
        views::migrate::migrate(&settings.database).await?;
        settings.database.session("food-orders consumer", &[]).await
    };
    ready.await.map_err(|error: views::Error| {
        let exit = match error {
            views::Error::ProjectionVersion { .. } => Exit::ProjectionVersion,
            _ => Exit::Unexpected,
        };
        (error.recovery() == Recovery::Retry, Failure::with(exit)(error))
    })
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
