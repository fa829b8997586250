//! What an operator can do about dead letters, for both the API and the command line: look at them, retry them,
//! discard them. A retry takes the bytes of the record from the dead letter or, where it keeps only a part, from
//! the log.

mod bulk;
mod bulk_report;
mod dead_letter;
mod decision;
mod encoded_bytes;
mod error;
mod operator;
mod reason;
mod records;
mod state;

pub use bulk_report::{BulkRetryRefusal, BulkRetryReport};
pub use dead_letter::{DeadLetterBody, DeadLetterHeader};
pub use decision::DecisionLine;
pub use encoded_bytes::{EncodedBytes, Encoding};
pub use error::{Error, Result};
pub use operator::Operator;
pub use reason::{BadReason, MAX_REASON_CHARS, Reason};
pub use state::{DeadLetterState, UnknownState};
pub use views::dead_letters::DeadLetterId;
pub use views::read::DeadLetterFilter;
