//! The plan of a rebuild: what it will take. It is a document in the rebuild's row, which
//! the API answers with.

use std::collections::BTreeMap;

use orders::{LogDigest, LogIdentity, LogPrefix, Partition, Position, Positions};
use serde::{Deserialize, Serialize};
use views::rebuild::RebuildRow;

use crate::error::{Error, Result};
use crate::log_comparison::LogComparison;

/// What a rebuild will take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Plan {
    /// The build that served when the plan was made.
    pub live_build: i64,
    pub cluster_id: String,
    pub topic: String,
    /// Null where the broker gives topics no id.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub topic_id: Option<String>,
    /// Ordered by partition.
    pub partitions: Vec<PlannedPartition>,
    /// The offsets between the beginnings and the ends. Transaction markers count as well.
    pub events: u64,
    /// The estimated size of the new build on disk.
    pub bytes: u64,
    /// The room that making the build takes, sorting included.
    pub disk_needed_bytes: u64,
    /// Null if the file system of the database cannot be seen from here.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub disk_free_bytes: Option<u64>,
    /// Over the estimated time.
    pub events_per_second: f64,
    pub rate_source: RateSource,
    /// From the start to the switch. A rebuild takes about a second however few events there are.
    pub estimated_seconds: f64,
    /// Settings of the topic by which the log loses records or gives them unreliable times.
    pub topic_warnings: Vec<String>,
    /// Null if the log was not read before loading: a dry run reads it, and so does a rebuild whose topic is not only
    /// cleaned by deleting (`cleanup.policy=delete`).
    #[cfg_attr(feature = "openapi", schema(required))]
    pub log_comparison: Option<LogComparison>,
}

/// What is to be read of one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PlannedPartition {
    pub partition: i32,
    /// The first offset that the log still has.
    pub begin: i64,
    /// The end offset when the plan was made; loading goes up to it.
    pub end: i64,
    /// Where the live build stood when the plan was made.
    pub live_position: i64,
    /// The records that the live build had read by then.
    pub live_records: u64,
    /// The sum of their digests, in 16 hexadecimal digits. The log still has to hold these records.
    pub live_digest: Digits,
}

/// A number that JSON readers would round, as hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = String, pattern = "^[0-9a-f]{16}$"))]
pub struct Digits(pub u64);

impl From<Digits> for String {
    fn from(digits: Digits) -> Self {
        format!("{:016x}", digits.0)
    }
}

impl TryFrom<String> for Digits {
    type Error = std::num::ParseIntError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        u64::from_str_radix(&text, 16).map(Self)
    }
}

/// Where the estimated time comes from: the last rebuild that was switched to, of any size, or a default if there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum RateSource {
    LastRebuild,
    Default,
}

impl Plan {
    /// The plan of a row whose state comes after planning.
    pub(crate) fn of_row(row: &RebuildRow) -> Result<Self> {
        let missing = Error::IncompleteRow { rebuild: row.id, state: row.state, missing: "plan" };
        let value = row.plan.clone().ok_or(missing)?;
        serde_json::from_value(value).map_err(|cause| Error::ForeignPlan { rebuild: row.id, cause })
    }

    /// The end offsets to load up to.
    pub(crate) fn ends(&self) -> Positions {
        self.partitions.iter().map(|one| (Partition(one.partition), Position(one.end))).collect()
    }

    /// The first offsets that the log still has.
    pub(crate) fn begins(&self) -> Positions {
        self.partitions.iter().map(|one| (Partition(one.partition), Position(one.begin))).collect()
    }

    /// Where the live build stood, and which records it had read by then.
    pub(crate) fn live(&self) -> BTreeMap<Partition, LogPrefix> {
        let live = |one: &PlannedPartition| LogPrefix {
            position: Position(one.live_position),
            digest: LogDigest { records: one.live_records, sum: one.live_digest.0 },
        };
        self.partitions.iter().map(|one| (Partition(one.partition), live(one))).collect()
    }

    pub(crate) fn log_identity(&self) -> LogIdentity {
        LogIdentity {
            cluster_id: self.cluster_id.clone(),
            topic: self.topic.clone(),
            topic_id: self.topic_id.clone(),
            partitions: self.partitions.len() as i32,
        }
    }
}
