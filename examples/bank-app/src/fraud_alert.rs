//! A request that was refused as suspicious: the records of `fraud_alerts`.

use garde::Validate;
use serde::{Deserialize, Serialize};

use crate::account_id::AccountId;
use crate::request_id::RequestId;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Validate)]
#[garde(allow_unvalidated)]
pub struct FraudAlert {
    pub account_id: AccountId,
    pub request_id: RequestId,
    pub reason: String,
    pub detail: String,
    pub at_ms: i64,
}
