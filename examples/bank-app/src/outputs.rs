//! The records that an input leads to.

use event_log::{Partition, partition_of_key};
use serde::Serialize;

use crate::account::Account;
use crate::account_id::AccountId;
use crate::account_update::AccountUpdate;
use crate::json;
use crate::notification::Notification;
use crate::topic::Topic;

#[derive(Debug, PartialEq, Eq)]
pub struct Output {
    pub topic: Topic,
    pub partition: Partition,
    pub key: Option<AccountId>,
    pub value: Vec<u8>,
}

/// Those of one input.
pub struct Outputs {
    /// The partition of the input.
    partition: Partition,
    partitions: i32,
    at_ms: i64,
    list: Vec<Output>,
}

impl Outputs {
    pub fn new(partition: Partition, partitions: i32, at_ms: i64) -> Self {
        Self { partition, partitions, at_ms, list: Vec::new() }
    }

    pub fn into_list(self) -> Vec<Output> {
        self.list
    }

    /// A record in the partition of the input.
    pub fn push(
        &mut self,
        topic: Topic,
        key: Option<&AccountId>,
        value: &impl Serialize,
    ) -> Result<(), serde_json::Error> {
        let value = json::encode(value)?;
        self.list.push(Output { topic, partition: self.partition, key: key.cloned(), value });
        Ok(())
    }

    /// The account has changed.
    pub fn state(&mut self, account: &mut Account) -> Result<(), serde_json::Error> {
        account.version += 1;
        self.push(Topic::AccountBalanceUpdates, Some(&account.account_id), account)
    }

    /// An update of another account, which another instance may own.
    pub fn update(&mut self, update: &AccountUpdate) -> Result<(), serde_json::Error> {
        let account_id = &update.account_id;
        let partition = partition_of_key(account_id.as_bytes(), self.partitions);
        let (topic, key, value) = (Topic::AccountUpdates, Some(account_id.clone()), json::encode(update)?);
        self.list.push(Output { topic, partition, key, value });
        Ok(())
    }

    pub fn notify(&mut self, account_id: Option<&AccountId>, text: String) -> Result<(), serde_json::Error> {
        let notification = Notification { account_id: account_id.cloned(), text, at_ms: self.at_ms };
        self.push(Topic::Notifications, account_id, &notification)
    }
}
