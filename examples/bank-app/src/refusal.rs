//! Why a request is refused, or a credit sent back.

use crate::account_id::AccountId;
use crate::currency::Currency;
use crate::money::Cents;

/// Its name is the `reason` of a decision, and its text the `detail`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the request cannot be read: {0}")]
    Unreadable(String),
    #[error(
        "the record is in partition {is}, but belongs to partition {must}: its key must be the account id, partitioned as Java's \
         clients do (murmur2)"
    )]
    WrongPartition { is: i32, must: i32 },
    #[error("account {0} does not exist")]
    UnknownAccount(AccountId),
    #[error("account {0} exists already")]
    AccountExists(AccountId),
    #[error("the account has made {0} requests within a minute")]
    TooManyRequests(usize),
    #[error("{amount} is more than {limit}, which may leave an account at once")]
    LargeAmount { amount: Cents, limit: Cents },
    #[error("an account cannot pay to itself")]
    SameAccount,
    #[error("the account is in {is}, not in {asked}")]
    OtherCurrency { is: Currency, asked: Currency },
    #[error("the balance is only {balance}")]
    InsufficientFunds { balance: Cents },
    #[error("the balance would exceed {limit}")]
    BalanceTooLarge { limit: Cents },
}

impl Refusal {
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "unreadable",
            Self::WrongPartition { .. } => "wrong_partition",
            Self::UnknownAccount(_) => "unknown_account",
            Self::AccountExists(_) => "account_exists",
            Self::TooManyRequests(_) => "too_many_requests",
            Self::LargeAmount { .. } => "large_amount",
            Self::SameAccount => "same_account",
            Self::OtherCurrency { .. } => "other_currency",
            Self::InsufficientFunds { .. } => "insufficient_funds",
            Self::BalanceTooLarge { .. } => "balance_too_large",
        }
    }

    /// Whether it is to be looked into as possible fraud.
    pub fn is_suspicious(&self) -> bool {
        matches!(self, Self::TooManyRequests(_) | Self::LargeAmount { .. })
    }
}
