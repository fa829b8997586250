//! Deciding about dead letters: an act of an operator, applied to all builds at once. [`crate::read`]
//! reads them; the caller brings their records.

mod builds;
mod decide;
mod id;

pub use decide::{Outcome, discard, retry};
pub use id::{BadDeadLetterId, DeadLetterId};
