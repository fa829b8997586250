//! What has become of a request: the records of `transactions_validated`, exactly one for each record of
//! `transaction_requests`.

use garde::Validate;
use serde::{Deserialize, Serialize};

use crate::account_id::AccountId;
use crate::money::Cents;
use crate::request_id::RequestId;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Validate)]
#[garde(allow_unvalidated)]
pub struct Decision {
    /// Missing if the request could not be read; so is the account.
    pub request_id: Option<RequestId>,
    pub account_id: Option<AccountId>,
    pub outcome: Outcome,
    /// Why it was refused: a name for programs, and a text for people.
    pub reason: Option<String>,
    pub detail: Option<String>,
    /// The balance after it, if the account exists.
    pub balance_cents: Option<Cents>,
    pub at_ms: i64,
    /// Where the request is, in the partition of this record.
    pub request_offset: i64,
    /// The position in the same partition of `account_updates` at that moment: the updates below it were applied before the
    /// request, all others after it. With this, the inputs alone say what every output has to be.
    pub updates_position: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Approved,
    /// A repetition of a request that was approved before: it has changed nothing.
    Duplicate,
    Refused,
}
