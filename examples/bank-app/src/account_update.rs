//! What changes an account besides its own requests: the records of `account_updates`.

use garde::Validate;
use serde::{Deserialize, Serialize};

use crate::account_id::AccountId;
use crate::currency::Currency;
use crate::money::{Cents, is_amount};
use crate::request_id::RequestId;
use crate::text::is_printable;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Validate)]
pub struct AccountUpdate {
    /// The account to change. It is also the key of the record.
    #[garde(dive)]
    pub account_id: AccountId,
    #[serde(flatten)]
    #[garde(dive)]
    pub change: Change,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Validate)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Change {
    /// From the back office.
    Profile {
        #[garde(custom(is_printable))]
        holder: String,
    },
    /// The second half of a transfer, from the owner of the paying account.
    Credit {
        #[garde(dive)]
        transfer_id: RequestId,
        #[garde(dive)]
        from: AccountId,
        #[garde(custom(is_amount))]
        amount_cents: Cents,
        #[garde(dive)]
        currency: Currency,
    },
    /// The money of a transfer that could not be credited, from the owner of the receiving account.
    Refund {
        #[garde(dive)]
        transfer_id: RequestId,
        #[garde(dive)]
        to: AccountId,
        #[garde(custom(is_amount))]
        amount_cents: Cents,
        #[garde(dive)]
        currency: Currency,
        #[garde(custom(is_printable))]
        reason: String,
    },
}
