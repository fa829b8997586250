//! The domain: what an order event is, how a record's bytes become one, and how the records of an
//! order merge into its state.
//!
//! Pure: no IO, no async, no Kafka, no SQL. Functions take state and input, and return a result.

pub mod command;
pub mod decide;
pub mod decode;
pub mod event;
pub mod fold;
mod key;
pub mod lifecycle;
pub mod log;
pub mod log_digest;
pub mod log_identity;
pub mod new_event;
#[cfg(feature = "openapi")]
mod openapi;
pub mod order_id;
pub mod positions;
pub mod printed;
pub mod record;
pub mod schema;
pub mod text;
pub mod time;

pub use command::{Command, Item};
pub use decode::{Cause, Decoded, MAX_SCHEMA_VERSION, Rejection, decode, decode_with};
pub use event::{EventType, Status};
pub use fold::{Fact, Fields, OrderRow, OrderState};
pub use log::{LogOrder, Offset, Partition, Position};
pub use log_digest::{LogDigest, LogPrefix};
pub use log_identity::{LogIdentity, OtherLog};
pub use new_event::{Attributes, NewEvent};
pub use order_id::OrderId;
pub use positions::Positions;
pub use printed::print_object;
pub use record::Record;
pub use schema::{FRAMED_MESSAGE, SchemaId, SchemaText, Schemas, Texts};
pub use time::Time;
