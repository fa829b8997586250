//! The state of an account: the records of `account_balance_updates`, from which it is restored.

use std::collections::VecDeque;

use garde::Validate;
use serde::{Deserialize, Serialize};

use crate::account_id::AccountId;
use crate::currency::Currency;
use crate::money::{Cents, is_balance};
use crate::request_id::RequestId;

/// The fewest approved requests that an account remembers, to know a repetition.
const REMEMBERED: usize = 100;
/// If it may make more requests per minute, it remembers five times as many, so that none is forgotten before 4 minutes are over.
const REMEMBERED_MINUTES: usize = 5;
/// The most that the setting may allow, so that the state of an account stays small.
pub const MOST_REQUESTS_PER_MINUTE: usize = 1000;
/// With ids of 64 characters they take 335 kB, and a record may have 1 MB.
const MOST_REMEMBERED: usize = REMEMBERED_MINUTES * MOST_REQUESTS_PER_MINUTE;
const MINUTE_MS: i64 = 60_000;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Validate)]
pub struct Account {
    #[garde(dive)]
    pub account_id: AccountId,
    #[garde(dive)]
    pub currency: Currency,
    #[garde(custom(is_balance))]
    pub balance_cents: Cents,
    /// Counts the states of this account, without a gap.
    #[garde(skip)]
    pub version: u64,
    /// When the latest requests were appended to the log, in milliseconds since 1970: those of one minute, as many as the
    /// rules need.
    #[garde(skip)]
    pub recent_requests_ms: VecDeque<i64>,
    #[garde(length(max = MOST_REMEMBERED), dive)]
    pub approved_request_ids: VecDeque<RequestId>,
}

impl Account {
    pub fn open(account_id: AccountId, currency: Currency) -> Self {
        Self {
            account_id,
            currency,
            balance_cents: Cents::ZERO,
            version: 0,
            recent_requests_ms: VecDeque::new(),
            approved_request_ids: VecDeque::new(),
        }
    }

    pub fn has_approved(&self, request_id: &RequestId) -> bool {
        self.approved_request_ids.contains(request_id)
    }

    /// The requests of the minute before this time. Time comes from the log alone, so that a replay counts the same.
    pub fn requests_within_a_minute(&self, at_ms: i64) -> usize {
        self.recent_requests_ms.iter().filter(|one| **one > at_ms.saturating_sub(MINUTE_MS)).count()
    }

    /// Takes a request into account, whatever became of it. `most`: how many requests of a minute the rules ask for.
    pub fn count_request(&mut self, at_ms: i64, most: usize) {
        self.recent_requests_ms.push_back(at_ms);
        let since = at_ms.saturating_sub(MINUTE_MS);
        self.recent_requests_ms.retain(|one| *one > since);
        while self.recent_requests_ms.len() > most {
            self.recent_requests_ms.pop_front();
        }
    }

    /// `most`: how many requests of a minute the rules allow.
    pub fn remember_approved(&mut self, request_id: RequestId, most: usize) {
        self.approved_request_ids.push_back(request_id);
        while self.approved_request_ids.len() > REMEMBERED.max(REMEMBERED_MINUTES * most) {
            self.approved_request_ids.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_account_remembers_is_bounded() {
        let mut account = Account::open(AccountId::new("A"), Currency::new("EUR"));
        for n in 0..1000 {
            account.count_request(n, 20);
            account.remember_approved(RequestId::new(format!("r{n}")), 20);
        }
        assert_eq!(account.recent_requests_ms.len(), 20);
        assert_eq!(account.approved_request_ids.len(), 100);
        assert!(
            account.has_approved(&RequestId::new("r900")) && !account.has_approved(&RequestId::new("r899"))
        );
    }

    #[test]
    fn an_account_that_may_make_more_requests_remembers_more() {
        let mut account = Account::open(AccountId::new("A"), Currency::new("EUR"));
        for n in 0..6000 {
            account.remember_approved(RequestId::new(format!("r{n}")), MOST_REQUESTS_PER_MINUTE);
        }
        let is_known = |n: u32| account.has_approved(&RequestId::new(format!("r{n}")));
        assert!(is_known(1000) && !is_known(999));
        account.validate().unwrap();
    }
}
