//! Applying records: one transaction for rows and positions.
//!
//! BEGIN; move the positions by compare-and-set; COPY the history; COPY or update the orders; merge those that this
//! left alone; insert the dead letters; change the totals; COMMIT. If any step writes an unexpected number of rows,
//! everything is rolled back.

mod advance;
mod batch;
mod breaker;
mod checkpoints;
mod codec;
pub(crate) mod copy;
pub(crate) mod dead_letter;
mod disposition;
mod merged_orders;
mod order_rows;
mod orders;
mod refold;
mod rows;
mod statement;
mod summarise;
mod winning_records;
mod writer;
mod written;

pub use advance::Advance;
pub use batch::{Batch, refusal};
pub use breaker::Breaker;
pub use codec::{Codec, Decoder, envelope};
pub use copy::{COLUMNS, event_id};
pub use dead_letter::{Closed, KEPT_BYTES};
pub use disposition::Disposition;
pub use order_rows::{OrderPiece, OrderRows};
pub(crate) use orders::Way;
pub(crate) use rows::Rows;
pub(crate) use writer::Writer;
