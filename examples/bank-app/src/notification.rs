//! A sentence for a person: the records of `notifications`.

use garde::Validate;
use serde::{Deserialize, Serialize};

use crate::account_id::AccountId;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Validate)]
#[garde(allow_unvalidated)]
pub struct Notification {
    /// The account that it is about; missing if it is for the operator.
    pub account_id: Option<AccountId>,
    pub text: String,
    pub at_ms: i64,
}
