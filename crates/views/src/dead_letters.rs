//! Deciding about dead letters: an operator's act, applied to all builds at once. Reading them
//! is in [`crate::read`], where the record comes from is up to the caller.

mod builds;
mod decide;
mod id;

pub use decide::{Outcome, discard, retry};
pub use id::{BadDeadLetterId, DeadLetterId};
