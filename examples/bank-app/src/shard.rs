//! What an instance knows about one partition.

use std::collections::HashMap;

use crate::account::Account;
use crate::account_id::AccountId;
use crate::positions::Positions;

#[derive(Debug, Default)]
pub struct Shard {
    pub accounts: HashMap<AccountId, Account>,
    pub positions: Positions,
}
