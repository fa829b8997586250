//! What a plan is made from: the log and the live build as they are now.

use std::collections::BTreeMap;

use event_log::TopicSettings;
use orders::{LogIdentity, LogPrefix, Partition};
use views::{Build, Session, builds};

use super::estimate::{self, Size};
use super::free_space;
use crate::error::Result;
use crate::json::from_json;
use crate::log_state::LogState;
use crate::plan::{Digits, Plan, PlannedPartition};
use crate::progress::Progress;
use crate::settings::Settings;

#[derive(Debug)]
pub(super) struct Survey {
    pub(super) topic: String,
    pub(super) log: LogState,
    pub(super) live_build: Build,
    /// The version of the program that made it.
    pub(super) live_version: i32,
    /// Where the live build stands, and which records it has read.
    pub(super) live: BTreeMap<Partition, LogPrefix>,
    /// On disk, with indexes.
    pub(super) live_bytes: u64,
    /// The log that the live build was made from; `None` if nothing was applied yet.
    pub(super) live_log: Option<LogIdentity>,
    /// `None` if the broker does not return them.
    pub(super) topic_settings: Option<TopicSettings>,
    pub(super) disk_free_bytes: Option<u64>,
    /// Of the last rebuild that was switched to.
    pub(super) last_progress: Option<Progress>,
}

impl Survey {
    pub(super) async fn make(settings: &Settings, session: &Session, view: &str) -> Result<Self> {
        let builds::Active { build: live_build, projection_version: live_version, .. } =
            builds::active(session).await?;
        // Before the log's end offsets: consumers continue meanwhile, and the live build must not
        // seem to be ahead of the log.
        let live = live_build.log_prefixes(session).await?;
        let log = LogState::read(&settings.kafka).await?;
        let topic_settings = event_log::topic_settings(&settings.kafka).await?;
        let live_bytes = live_build.bytes_on_disk(session).await?;
        let live_log = live_build.log_identity(session).await?;
        let directory = views::rebuild::data_directory(session).await?;
        let last = views::rebuild::last_finished(session, view).await?;
        Ok(Self {
            topic: settings.kafka.topic.clone(),
            log,
            live_build,
            live_version,
            live,
            live_bytes: u64::try_from(live_bytes).unwrap_or_default(),
            live_log,
            topic_settings,
            disk_free_bytes: free_space::bytes(directory.as_deref()),
            last_progress: last.and_then(|row| from_json(row.progress)),
        })
    }

    pub(super) fn plan(&self) -> Plan {
        let partitions: Vec<_> = self
            .log
            .offset_ranges
            .iter()
            .map(|(partition, range)| {
                let live = self.live.get(partition).copied().unwrap_or(LogPrefix::EMPTY);
                PlannedPartition {
                    partition: partition.0,
                    begin: range.low_watermark.0,
                    end: range.end_offset.0,
                    live_position: live.position.0,
                    live_records: live.digest.records,
                    live_digest: Digits(live.digest.sum),
                }
            })
            .collect();
        let events = partitions.iter().map(|one| one.end.saturating_sub(one.begin).max(0) as u64).sum();
        let live_events = self.live.values().map(|live| live.digest.records).sum();
        let size = Size::estimate(events, live_events, self.live_bytes);
        let (estimated_seconds, rate_source) = estimate::seconds(events, self.last_progress.as_ref());
        let identity = self.log.identity.as_ref();
        Plan {
            live_build: self.live_build.0,
            cluster_id: identity.map(|identity| identity.cluster_id.clone()).unwrap_or_default(),
            topic: self.topic.clone(),
            topic_id: identity.and_then(|identity| identity.topic_id.clone()),
            partitions,
            events,
            bytes: size.bytes,
            disk_needed_bytes: size.disk_needed_bytes,
            disk_free_bytes: self.disk_free_bytes,
            events_per_second: (events as f64 / estimated_seconds).round(),
            rate_source,
            estimated_seconds: (estimated_seconds * 10.0).round() / 10.0,
            topic_warnings: self.topic_settings.iter().flat_map(|topic| topic.warnings.clone()).collect(),
            log_comparison: None,
        }
    }

    /// Whether the topic is known to lose records only at its beginning.
    pub(super) fn is_cleaned_by_deleting_only(&self) -> bool {
        let policy = self.topic_settings.as_ref().and_then(|topic| topic.cleanup_policy.as_deref());
        policy == Some("delete")
    }
}
