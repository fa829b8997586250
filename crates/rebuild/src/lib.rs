//! Rebuilds a view from offset 0 of the log while the old tables keep serving, verifies
//! the new tables, and switches to them: a state machine over event-log and views.
//!
//! Each state has one file in `steps`, which says what is done in it. What a step has
//! done is in the database, so a rebuild whose process was killed continues where it
//! stopped: [`start`] and [`resume`] take over a rebuild that no process drives.

mod build_writer;
mod cancel;
mod context;
mod differences;
mod dry_run;
mod ending;
mod error;
mod failure;
mod job;
mod json;
mod log_comparison;
mod log_readings;
mod log_state;
mod meter;
mod outcome;
mod ownership;
mod plan;
mod planning;
mod progress;
mod report;
mod resource;
mod settings;
mod shares;
mod start;
mod state_machine;
mod steps;
mod stop;
mod verified;

pub use cancel::{cancel, cancel_unfinished};
pub use differences::{Difference, Differences};
pub use dry_run::{DryRun, dry_run};
pub use error::{Error, Recovery, Result};
pub use job::Job;
pub use log_comparison::{LogComparison, LogDifference};
pub use outcome::{FailureCause, Outcome};
pub use plan::{Digits, Plan, PlannedPartition, RateSource};
pub use progress::{PartitionProgress, Phase, Progress};
pub use resource::{RebuildView, get, list};
pub use settings::{Request, Settings};
pub use start::{resume, start};
pub use stop::Stop;
pub use views::Parts;
pub use views::rebuild::{State, SwitchMode};
