//! What is allowed: pure functions of an account, a request and the time at which the request was appended to the log.

use crate::account::Account;
use crate::currency::Currency;
use crate::money::Cents;
use crate::refusal::Refusal;
use crate::request::{Action, Request};

/// The limits that the rules know.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// What may leave an account at once.
    pub large_amount: Cents,
    /// How many requests an account may make within a minute, at most [`crate::account::MOST_REQUESTS_PER_MINUTE`].
    pub requests_per_minute: usize,
}

/// The decision about a request of an account that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The account gets this balance.
    Approved(Cents),
    /// It was approved before.
    Duplicate,
    Refused(Refusal),
}

/// Decides. The rules against fraud come first, so a suspicious request learns nothing about the balance.
pub fn decide(account: &Account, request: &Request, at_ms: i64, rules: &Rules) -> Verdict {
    if account.has_approved(&request.request_id) {
        return Verdict::Duplicate;
    }
    let balance = fraud(account, request, at_ms, rules).and_then(|()| balance_after(account, request));
    balance.map_or_else(Verdict::Refused, Verdict::Approved)
}

/// The rules against fraud.
fn fraud(account: &Account, request: &Request, at_ms: i64, rules: &Rules) -> Result<(), Refusal> {
    let before = account.requests_within_a_minute(at_ms);
    if before >= rules.requests_per_minute {
        return Err(Refusal::TooManyRequests(before));
    }
    match &request.action {
        Action::Withdraw { amount_cents, .. } | Action::Transfer { amount_cents, .. }
            if *amount_cents > rules.large_amount =>
        {
            Err(Refusal::LargeAmount { amount: *amount_cents, limit: rules.large_amount })
        }
        _ => Ok(()),
    }
}

fn balance_after(account: &Account, request: &Request) -> Result<Cents, Refusal> {
    let balance = account.balance_cents;
    match &request.action {
        Action::Open { .. } => Err(Refusal::AccountExists(account.account_id.clone())),
        Action::Deposit { amount_cents, currency } => credited(account, *amount_cents, currency),
        Action::Transfer { to, .. } if *to == account.account_id => Err(Refusal::SameAccount),
        Action::Withdraw { amount_cents, currency } | Action::Transfer { amount_cents, currency, .. } => {
            same_currency(account, currency)?;
            balance.minus(*amount_cents).ok_or(Refusal::InsufficientFunds { balance })
        }
    }
}

/// The balance after a deposit or the credit of a transfer.
pub fn credited(account: &Account, amount: Cents, currency: &Currency) -> Result<Cents, Refusal> {
    same_currency(account, currency)?;
    let limit = Cents::MOST;
    account
        .balance_cents
        .plus(amount)
        .filter(|balance| *balance <= limit)
        .ok_or(Refusal::BalanceTooLarge { limit })
}

fn same_currency(account: &Account, currency: &Currency) -> Result<(), Refusal> {
    if account.currency == *currency {
        return Ok(());
    }
    Err(Refusal::OtherCurrency { is: account.currency.clone(), asked: currency.clone() })
}

#[cfg(test)]
mod tests;
