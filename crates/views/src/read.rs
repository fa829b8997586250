//! Reading a view: now, or as of a cut.
//!
//! Every read sees one build in one snapshot: a REPEATABLE READ transaction that is sent at once with
//! its statements, so that it costs one round trip. Which build is active is guessed from the read
//! before and checked in the same snapshot; if the guess was wrong, or its build is gone, the read
//! runs again.

use ::orders::Positions;

mod cut;
mod dead_letters;
mod gate;
mod head;
mod history;
mod in_flight;
mod log_identity;
mod order;
mod order_as_of;
mod orders;
mod orders_as_of;
mod reader;
mod recent;
mod rows;
mod source;
mod statement;
mod stats;
mod turns;

pub use cut::{Clock, CompleteCut, Cut};
pub use dead_letters::{DeadLetter, DeadLetterBytes, DeadLetterFilter};
pub use head::{Applied, Head};
pub use history::{HistoryPage, HistoryRecord};
pub use order::Order;
pub use orders::{After, Filter, Sort};
pub use reader::{Answer, Reader};
pub use rows::Page;
pub use turns::Turn;

/// Why a read could not be answered.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The cut names a position that is not applied yet.
    #[error(
        "the cut lies beyond what is applied: partition {partition} is at {applied}, the cut asks for {asked}"
    )]
    Ahead { partition: i32, asked: i64, applied: i64, offsets: Positions },

    /// The cut names a decision that has not been taken yet.
    #[error("decision {asked} has not been taken yet; the latest is {latest}")]
    DecisionAhead { asked: i64, latest: i64 },

    /// The active build has another projection version than this code.
    #[error("the active build has projection version {active}, and this program reads version {ours}")]
    OtherProjection { active: i32, ours: i32 },

    /// The cut was answered by another projection, whose build is gone.
    #[error(
        "the cut was answered by projection {asked}, and the active build is of projection {active}; leave projection \
         out to see the same records as this build has them"
    )]
    ProjectionGone { asked: i64, active: i64 },

    #[error(transparent)]
    Database(#[from] crate::Error),
}
