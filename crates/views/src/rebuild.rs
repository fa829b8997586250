//! What a rebuild asks of PostgreSQL: its row, who may drive it, reading a build's
//! tables in bulk, writing derived orders, and the switch. The state machine is in
//! crates/rebuild.

mod copy_out;
mod dead_letters;
mod discard;
mod groups;
mod history_row;
mod index_history;
mod lock;
mod mend;
mod order_row;
mod orders_copy;
mod plan;
mod range;
mod row;
mod row_owner;
mod switch;

pub use dead_letters::KnownDeadLetter;
pub use discard::{drop_leftovers, drop_superseded};
pub use groups::{OrderGroup, OrderGroups};
pub use history_row::{HistoryRow, HistoryScan};
pub use lock::RunnerLock;
pub use order_row::{OrderScan, StoredOrder};
pub use orders_copy::OrdersCopy;
pub use plan::data_directory;
pub use range::OrderRange;
pub use row::{NewRebuild, RebuildRow, State, SwitchMode};
pub use row::{get, insert, insert_finished, last_finished, list, running};
pub use row_owner::{Ending, RowOwner};
pub use switch::{Switch, view_readers};
