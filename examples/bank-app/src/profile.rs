//! Whose account it is: the records of `account_profile_updates`.

use garde::Validate;
use serde::{Deserialize, Serialize};

use crate::account_id::AccountId;
use crate::currency::Currency;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Validate)]
#[garde(allow_unvalidated)]
pub struct Profile {
    pub account_id: AccountId,
    pub holder: String,
    pub currency: Currency,
    pub at_ms: i64,
}
