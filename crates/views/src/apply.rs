//! Applying records: one transaction for rows and positions.
//!
//! BEGIN, move the positions by compare-and-set, COPY the history, upsert the orders,
//! fold the others again, insert the dead letters, COMMIT. Anything but the expected row
//! counts rolls all of it back.

mod batch;
mod breaker;
pub(crate) mod copy;
mod dead_letter;
mod order_rows;
mod orders;
mod refold;
mod rows;
mod writer;

pub use batch::{Advance, Batch, Codec, Judged, envelope};
pub use breaker::Breaker;
pub use copy::{COLUMNS, derived_event_id};
pub use dead_letter::{Closed, DeadLetter, KEPT_BYTES};
pub use order_rows::{ORDER_COLUMNS, OrderPiece, OrderRows};
pub(crate) use rows::Rows;
pub(crate) use writer::Writer;
