//! What an operator does about dead letters, for the API and the command line alike: look at
//! them, retry or discard them. A retry takes the record's bytes from the dead letter or, where it
//! keeps only a part, from the log.

mod bulk;
mod dead_letter;
mod decision;
mod desk;
mod error;
mod reason;
mod shown;
mod whole;

pub use bulk::{BulkReport, Refusal};
pub use dead_letter::{DeadLetterView, Header};
pub use decision::DecisionLine;
pub use desk::Desk;
pub use error::{Error, Result};
pub use reason::{MAX_REASON_CHARS, Reason};
pub use shown::Shown;
pub use views::dead_letters::DeadLetterId;
pub use views::read::DeadLetterFilter;
