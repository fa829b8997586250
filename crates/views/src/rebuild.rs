//! What a rebuild asks of PostgreSQL: its row, who may drive it, reading a build's
//! tables in bulk, writing derived orders, and the switch. The state machine is in
//! crates/rebuild.

mod copy_out;
mod dead_letters;
mod derive;
mod discard;
mod groups;
mod history_row;
mod lock;
mod mend;
mod order_row;
mod plan;
mod range;
mod row;
mod switch;

pub use dead_letters::{KnownDeadLetter, dead_letters};
pub use derive::{OrdersCopy, index_history};
pub use discard::{abandon, drop_build, drop_leftovers, drop_superseded};
pub use groups::{OrderGroup, OrderGroups};
pub use history_row::{HistoryRow, HistoryScan};
pub use lock::RunnerLock;
pub use mend::fold_retried;
pub use order_row::{OrderScan, StoredOrder};
pub use plan::{build_bytes, data_directory, projection_version};
pub use range::{OrderRange, halves};
pub use row::{Ending, NewRebuild, RebuildRow, Runner, State, SwitchMode};
pub use row::{
    adopt, advance, get, insert, insert_finished, last_finished, list, running, save_plan, save_progress,
};
pub use switch::{Switch, view_readers};
