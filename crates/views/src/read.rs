//! Reading a view: now, or as of a cut.
//!
//! Every read sees one build, whole, in one snapshot: a REPEATABLE READ transaction
//! that is sent in one go with its statements, so that it costs one round trip. Which
//! build is active is guessed from the read before and checked in the same snapshot;
//! where the guess was wrong, or its build is gone, the read runs once more.

use ::orders::Positions;

mod cut;
mod dead_letters;
mod head;
mod history;
mod order;
mod order_as_of;
mod orders;
mod reader;
mod source;
mod stats;

pub use cut::{Clock, CompleteCut, Cut};
pub use dead_letters::{DeadLetter, DeadLetterBytes, DeadLetterFilter};
pub use head::{Applied, Head};
pub use history::{HistoryPage, HistoryRecord};
pub use order::Order;
pub use orders::{After, Filter, Sort};
pub use reader::{Answer, Reader};
pub use stats::Stats;

/// Why a read has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The cut names positions that are not applied yet.
    #[error(
        "the cut lies beyond what is applied: partition {partition} is at {applied}, the cut asks for {asked}"
    )]
    Ahead { partition: i32, asked: i64, applied: i64, offsets: Positions },

    /// The cut names a decision that was not taken yet.
    #[error("decision {asked} is not taken yet; the latest is {latest}")]
    DecisionAhead { asked: i64, latest: i64 },

    /// The active build is of another projection version than this code's fold.
    #[error(
        "the active build is of projection version {active}; this program reads the past of version {ours} only"
    )]
    OtherProjection { active: i32, ours: i32 },

    #[error(transparent)]
    Database(#[from] crate::Error),
}
