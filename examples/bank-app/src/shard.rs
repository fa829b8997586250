//! The accounts of one partition.

use std::collections::HashMap;

use event_log::Position;

use crate::account::Account;
use crate::account_id::AccountId;

#[derive(Debug)]
pub struct Shard {
    pub accounts: HashMap<AccountId, Account>,
    /// The next record of `account_updates` to apply.
    pub updates_position: Position,
}

impl Default for Shard {
    fn default() -> Self {
        Self { accounts: HashMap::new(), updates_position: Position::START }
    }
}
