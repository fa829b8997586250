//! Up to where the inputs of a partition are part of its accounts: a record beside the accounts in `account_balance_updates`,
//! written in the same transaction.
//!
//! The group has these positions, too. But Kafka forgets the offsets of a group that had no members for a week, and an operator
//! may reset them; beginning there again would apply everything twice. So reading begins where the accounts say.

use event_log::Position;
use garde::Validate;
use serde::{Deserialize, Serialize};

use crate::topic::Topic;

/// No account can have this id.
pub const KEY: &[u8] = b"#positions";

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Validate)]
pub struct Positions {
    /// The next record of `transaction_requests` to apply.
    #[garde(range(min = 0))]
    pub requests: i64,
    /// The next record of `account_updates` to apply.
    #[garde(range(min = 0))]
    pub updates: i64,
}

impl Positions {
    pub fn new(requests: Position, updates: Position) -> Self {
        Self { requests: requests.0, updates: updates.0 }
    }

    /// The one in this input.
    pub fn of(self, input: Topic) -> Position {
        Position(if input == Topic::TransactionRequests { self.requests } else { self.updates })
    }
}
