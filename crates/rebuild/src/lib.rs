//! Rebuilding a view from offset 0 of the log while it keeps serving, and verifying
//! it before it is switched in: a state machine over event-log and views.
//!
//! Each step can be done again from what the database holds, so a rebuild that was
//! killed goes on where it was: [`start`] takes over what nobody drives.

mod canonical;
mod catch_up;
mod derive;
mod differences;
mod disk;
mod error;
mod job;
mod lanes;
mod log;
mod plan;
mod progress;
mod resource;
mod runner;
mod settings;
mod switch;
mod verify;

pub use differences::{Difference, Differences};
pub use error::{Error, Result};
pub use job::{DryRun, Job, Stop, cancel_left_behind, dry_run, resume, start};
pub use plan::{Plan, PlannedPartition, RateSource};
pub use progress::{PartitionProgress, Phase, Progress};
pub use resource::{RebuildView, get, list};
pub use runner::{FailureCause, Outcome};
pub use settings::{Request, Settings};
pub use views::rebuild::{State, SwitchMode};
