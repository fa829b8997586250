//! The fold: an input and the accounts before it give the accounts after it and the outputs. It knows neither Kafka's clients
//! nor the clock.

mod requests;
#[cfg(test)]
mod tests;
mod updates;

use std::collections::BTreeMap;

use event_log::Partition;

use crate::account_id::AccountId;
use crate::positions::Positions;
use crate::rules::Rules;
use crate::shard::Shard;

#[derive(Debug)]
pub struct Ledger {
    rules: Rules,
    /// How many partitions each topic has.
    partitions: i32,
    shards: BTreeMap<Partition, Shard>,
}

/// After this the process ends: going on would lose money.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    #[error("a refund would exceed what the balance of account {0} can hold")]
    Overflow(AccountId),
    #[error("an output cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl Ledger {
    pub fn new(rules: Rules, partitions: i32) -> Self {
        Self { rules, partitions, shards: BTreeMap::new() }
    }

    /// Replaces all that it knew.
    pub fn restore(&mut self, shards: BTreeMap<Partition, Shard>) {
        self.shards = shards;
    }

    /// Forgets everything, because others own it now.
    pub fn clear(&mut self) {
        self.shards.clear();
    }

    /// Up to where the inputs of a partition are part of it.
    pub fn positions(&self, partition: Partition) -> Option<Positions> {
        self.shards.get(&partition).map(|shard| shard.positions)
    }

    /// How many accounts it has.
    pub fn accounts(&self) -> usize {
        self.shards.values().map(|shard| shard.accounts.len()).sum()
    }
}
