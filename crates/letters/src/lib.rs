//! What an operator does about dead letters, for the API and the command line alike: look at
//! them, retry or discard them. A retry takes the record's bytes from the letter or, where it
//! keeps only a part, from the log.

mod bulk;
mod decision;
mod desk;
mod error;
mod letter;
mod reason;
mod shown;
mod whole;

pub use bulk::{BulkReport, Refusal};
pub use decision::DecisionLine;
pub use desk::Desk;
pub use error::{Error, Result};
pub use letter::{Header, LetterView};
pub use reason::{MAX_REASON_CHARS, Reason};
pub use shown::Shown;
pub use views::letters::LetterId;
pub use views::read::LetterFilter;
