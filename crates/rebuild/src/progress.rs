//! How far a rebuild has come: the document in its row, which the API answers.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use views::rebuild::State;

/// The current phase; `phases` lists those before it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Progress {
    #[cfg_attr(feature = "openapi", schema(required))]
    pub state: Option<State>,
    /// What this phase has read of the log, ordered by partition; empty if it does not read the log.
    pub partitions: Vec<PartitionProgress>,
    /// Events that this phase has processed. Deriving processes each event twice, as it is stored and as it is in
    /// the log; so does verifying if another process has derived the orders. If something differs, verifying processes
    /// all events again.
    pub events: u64,
    /// Events that this phase is going to process.
    pub events_total: u64,
    pub events_per_second: f64,
    /// Time until the end of this phase; null while it is not known.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub eta_seconds: Option<f64>,
    /// What the rebuild waits for, if it does.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub waits_for: Option<String>,
    /// The phases that are over, in their order.
    pub phases: Vec<Phase>,
}

/// How far this phase has read one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PartitionProgress {
    pub partition: i32,
    /// The position where this phase began.
    pub from: i64,
    /// The end offset to reach.
    pub to: i64,
    /// The position that is reached.
    pub loaded: i64,
}

/// A phase that is over.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Phase {
    pub state: State,
    pub events: u64,
    pub seconds: f64,
}

impl Progress {
    /// How long the phases that are over took together.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        Duration::from_secs_f64(self.phases.iter().map(|phase| phase.seconds).sum())
    }
}
