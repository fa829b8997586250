//! An account as the independent fold sees it.

use serde_json::{Value, json};

pub struct Account {
    pub currency: String,
    pub balance: i64,
    pub version: u64,
    /// The times of all its requests that were no repetitions.
    pub times: Vec<i64>,
    pub approved: Vec<String>,
}

impl Account {
    pub fn new(currency: &str) -> Self {
        Self { currency: currency.into(), balance: 0, version: 0, times: Vec::new(), approved: Vec::new() }
    }

    /// The next state of the account, as far as it is compared.
    pub fn state(&mut self, id: &str) -> Value {
        self.version += 1;
        json!({ "account_id": id, "currency": self.currency, "balance_cents": self.balance, "version": self.version })
    }

    pub fn is_repetition(&self, id: &str, requests_per_minute: usize) -> bool {
        self.approved.iter().rev().take(100.max(5 * requests_per_minute)).any(|approved| approved == id)
    }

    pub fn requests_within_a_minute(&self, at: i64) -> usize {
        self.times.iter().filter(|time| **time > at - 60_000).count()
    }
}
