//! What a rebuild needs of PostgreSQL: its row and who may change it, a build's tables in bulk, and the
//! switch. The state machine is in crates/rebuild.

mod copy_out;
mod dead_letters;
mod discard;
mod groups;
mod history_scan;
mod history_sum;
mod index_history;
mod interrupt;
mod keep_history;
mod kept;
mod lock;
mod mend;
mod order_scan;
mod order_set;
mod orders_copy;
mod plan;
mod record_set;
mod row;
mod row_owner;
mod snapshot;
mod state;
mod switch;
mod trial;

pub use dead_letters::{KnownDeadLetter, KnownDeadLetters};
pub use discard::{drop_leftovers, drop_superseded};
pub use groups::{OrderGroup, OrderGroups, StoredRecord};
pub use history_scan::{HistoryScan, LogRows};
pub use history_sum::HistorySum;
pub use keep_history::{KeepHistory, KeptHistory};
pub use kept::Unequal;
pub use lock::RunnerLock;
pub use order_scan::{OrderContent, OrderScan, StoredOrder};
pub use order_set::OrderSet;
pub use orders_copy::OrdersCopy;
pub use plan::data_directory;
pub use record_set::RecordSet;
pub use row::{NewRebuild, RebuildRow, SwitchMode};
pub use row::{get, insert, last_finished, list, request_cancel, running};
pub use row_owner::{Ending, RowOwner};
pub use snapshot::BuildSnapshot;
pub use state::{State, UnknownState};
pub use switch::{Switch, view_readers};
pub use trial::Trial;
