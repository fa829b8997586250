//! What a rebuild will take, and whether it can be done at all.

use std::collections::BTreeMap;

use orders::{LogIdentity, Partition, Position, Positions};
use serde::{Deserialize, Serialize};
use views::{Session, builds};

use crate::disk;
use crate::error::{Error, Result};
use crate::log::{self, Log};
use crate::progress::Progress;
use crate::runner::FailureCause;
use crate::settings::Settings;

/// Of a build with its indexes, where there is none to measure; in bytes.
const BYTES_PER_EVENT: f64 = 600.0;
/// Sorting and the write-ahead log need room for a while, beside the build itself.
const ROOM_TO_WORK: f64 = 1.5;
/// From the first event to the switch, where no rebuild was measured before.
const EVENTS_PER_SECOND: f64 = 50_000.0;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The build that serves now.
    pub live_build: i64,
    pub cluster_id: String,
    pub topic: String,
    #[serde(default)]
    pub topic_id: Option<String>,
    /// Ordered by partition.
    pub partitions: Vec<PlannedPartition>,
    /// Offsets from the beginning to the end: transaction markers count, too.
    pub events: u64,
    /// Estimate of the new build's size on disk.
    pub bytes: u64,
    pub disk_needed_bytes: u64,
    /// Null: unknown, because the database's file system cannot be seen from here.
    pub disk_free_bytes: Option<u64>,
    pub events_per_second: f64,
    pub rate_source: RateSource,
    pub estimated_seconds: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedPartition {
    pub partition: i32,
    /// The first offset that is still there.
    pub begin: i64,
    /// The end when this was planned: what is loaded in bulk.
    pub end: i64,
}

/// Where the expected rate comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RateSource {
    LastRebuild,
    Default,
}

/// Why the plan cannot be carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) cause: FailureCause,
    pub(crate) reason: String,
}

impl Plan {
    /// The ends to load up to.
    #[must_use]
    pub fn targets(&self) -> BTreeMap<Partition, Position> {
        self.partitions.iter().map(|one| (Partition(one.partition), Position(one.end))).collect()
    }

    #[must_use]
    pub fn log_identity(&self) -> LogIdentity {
        LogIdentity {
            cluster_id: self.cluster_id.clone(),
            topic: self.topic.clone(),
            topic_id: self.topic_id.clone(),
            partitions: self.partitions.len() as i32,
        }
    }
}

/// Looks at the log and at the live build; changes nothing.
pub(crate) async fn make(
    settings: &Settings,
    session: &Session,
    view: &str,
) -> Result<(Plan, Option<Refusal>)> {
    let live = builds::active(session).await?;
    // Before the log's ends: the live tables go on, and must not seem to be ahead of the log.
    let live_positions = live.build.positions(session).await?;
    let log = log::look(&settings.kafka).await?;
    let live_bytes = live.build.bytes_on_disk(session).await? as f64;
    let live_events: i64 = live_positions.iter().map(|(_, position)| position.0).sum();
    let recorded = live.build.log_identity(session).await?;
    let directory = views::rebuild::data_directory(session).await?;
    let last = views::rebuild::last_finished(session, view).await?.and_then(|row| row.progress);

    let partitions: Vec<_> = log
        .ends
        .iter()
        .map(|(partition, marks)| PlannedPartition {
            partition: partition.0,
            begin: marks.low.0,
            end: marks.end.0,
        })
        .collect();
    let events: u64 = partitions.iter().map(|one| one.end.saturating_sub(one.begin).max(0) as u64).sum();
    let per_event = if live_events >= 10_000 { live_bytes / live_events as f64 } else { BYTES_PER_EVENT };
    let bytes = (events as f64 * per_event) as u64;
    let (events_per_second, rate_source) = rate(last);
    let plan = Plan {
        live_build: live.build.0,
        cluster_id: log.identity.as_ref().map(|log| log.cluster_id.clone()).unwrap_or_default(),
        topic: settings.kafka.topic.clone(),
        topic_id: log.identity.as_ref().and_then(|log| log.topic_id.clone()),
        partitions,
        events,
        bytes,
        disk_needed_bytes: (bytes as f64 * ROOM_TO_WORK) as u64,
        disk_free_bytes: disk::free_bytes(directory.as_deref()),
        events_per_second,
        rate_source,
        estimated_seconds: (events as f64 / events_per_second * 10.0).round() / 10.0,
    };
    let refusal = refusal(&plan, &log, &live_positions, recorded.as_ref());
    Ok((plan, refusal))
}

/// Events of the log by all the time that the last rebuild took.
fn rate(last: Option<serde_json::Value>) -> (f64, RateSource) {
    let measured =
        last.and_then(|value| serde_json::from_value::<Progress>(value).ok()).and_then(|progress| {
            let loaded =
                progress.phases.iter().find(|phase| phase.state == views::rebuild::State::Loading)?.events;
            let seconds = progress.elapsed().as_secs_f64();
            // A small log tells more of start-up than of the rate.
            (loaded >= 10_000 && seconds > 0.0).then(|| (loaded as f64 / seconds).round())
        });
    match measured {
        Some(rate) => (rate, RateSource::LastRebuild),
        None => (EVENTS_PER_SECOND, RateSource::Default),
    }
}

fn refusal(plan: &Plan, log: &Log, live: &Positions, recorded: Option<&LogIdentity>) -> Option<Refusal> {
    let topic = &plan.topic;
    let refused = |cause, reason| Some(Refusal { cause, reason });
    if log.ends.is_empty() {
        return refused(
            FailureCause::Log,
            format!("topic {topic} is not there: there is nothing to rebuild from"),
        );
    }
    if let Some(conflict) = recorded.and_then(|recorded| plan.log_identity().conflict_with(recorded)) {
        return refused(
            FailureCause::Log,
            format!(
                "another log: {conflict}; point KAFKA_BOOTSTRAP_SERVERS and KAFKA_TOPIC at the log that this database \
                 was made from"
            ),
        );
    }
    let gone: Vec<String> = plan
        .partitions
        .iter()
        .filter(|one| one.begin > 0)
        .map(|one| format!("partition {} begins at offset {}", one.partition, one.begin))
        .collect();
    if !gone.is_empty() {
        return refused(
            FailureCause::Log,
            format!(
                "topic {topic} does not hold all events any more: {}; the live tables stay as they are",
                gone.join(", ")
            ),
        );
    }
    for (partition, position) in live.iter() {
        let end = log.ends.get(&partition).map(|marks| marks.end);
        if end.is_none_or(|end| end < position) {
            let end = end.map_or("is not there".to_owned(), |end| format!("ends at offset {end}"));
            return refused(
                FailureCause::Log,
                format!(
                    "partition {partition} of topic {topic} {end}, but the live tables have it applied up to offset \
                     {position}: the log was truncated or created anew, and reads would go back in time"
                ),
            );
        }
    }
    match plan.disk_free_bytes {
        Some(free) if free < plan.disk_needed_bytes => refused(
            FailureCause::Other,
            format!("about {} bytes of disk are needed and {free} are free", plan.disk_needed_bytes),
        ),
        _ => None,
    }
}

pub(crate) fn from_row(plan: Option<serde_json::Value>) -> Result<Plan> {
    let plan = plan.ok_or_else(|| Error::Other("the rebuild has no plan".into()))?;
    serde_json::from_value(plan)
        .map_err(|error| Error::Other(format!("the plan was made by another version: {error}")))
}

#[cfg(test)]
mod tests {
    use event_log::Watermarks;

    use super::*;

    fn plan(begin: i64, end: i64) -> (Plan, Log) {
        let marks = Watermarks { low: Position(begin), end: Position(end) };
        let log = Log { identity: None, ends: BTreeMap::from([(Partition(0), marks)]) };
        let plan = Plan {
            live_build: 1,
            cluster_id: "c".into(),
            topic: "t".into(),
            topic_id: None,
            partitions: vec![PlannedPartition { partition: 0, begin, end }],
            events: 1,
            bytes: 1,
            disk_needed_bytes: 100,
            disk_free_bytes: None,
            events_per_second: 1.0,
            rate_source: RateSource::Default,
            estimated_seconds: 1.0,
        };
        (plan, log)
    }

    fn reason(begin: i64, end: i64, live: i64) -> Option<String> {
        let (plan, log) = plan(begin, end);
        let live = Positions::from_iter([(Partition(0), Position(live))]);
        refusal(&plan, &log, &live, None).map(|refusal| refusal.reason)
    }

    #[test]
    fn a_whole_log_that_the_live_tables_come_from_is_fine() {
        assert_eq!(reason(0, 9, 9), None);
        assert_eq!(reason(0, 9, 0), None);
    }

    #[test]
    fn a_trimmed_or_shorter_log_is_refused_with_the_numbers() {
        assert!(reason(3, 9, 9).unwrap().contains("partition 0 begins at offset 3"));
        assert!(reason(0, 9, 10).unwrap().contains("ends at offset 9"));
    }

    #[test]
    fn another_cluster_or_topic_is_another_log() {
        let (plan, log) = plan(0, 9);
        let other = LogIdentity { cluster_id: "d".into(), ..plan.log_identity() };
        assert!(
            refusal(&plan, &log, &Positions::new(), Some(&other)).unwrap().reason.contains("another log")
        );
        let same = plan.log_identity();
        assert_eq!(refusal(&plan, &log, &Positions::new(), Some(&same)), None);
    }

    #[test]
    fn disk_that_is_known_to_be_too_small_is_refused() {
        let (mut plan, log) = plan(0, 9);
        plan.disk_free_bytes = Some(99);
        let refusal = refusal(&plan, &log, &Positions::new(), None).unwrap();
        assert_eq!((refusal.cause, refusal.reason.contains("99 are free")), (FailureCause::Other, true));
    }
}
