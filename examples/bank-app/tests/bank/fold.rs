//! What the outputs have to be, from the inputs alone. It shares no code with the program.
//!
//! Within a partition, requests and updates are in order. Which of the two comes first is up to the program, and every decision
//! says it: the updates below its `updates_position` were applied before the request.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::account::Account;
use crate::murmur2;
use crate::records::{Record, Records};

const MOST: i64 = 100_000_000_000_000;

#[derive(Clone, Copy)]
pub struct Rules {
    pub large_amount: i64,
    pub requests_per_minute: usize,
}

/// What one partition has to hold, each list in order.
#[derive(Default)]
pub struct Expected {
    pub decisions: Vec<Value>,
    pub states: Vec<Value>,
    pub alerts: Vec<Value>,
    pub profiles: Vec<Value>,
    pub notifications: usize,
    /// Credits and refunds, wherever they go.
    pub updates: Vec<Value>,
    /// Approved deposits minus approved withdrawals.
    pub money: i64,
    pub balances: i64,
}

struct Fold<'a> {
    partition: i32,
    partitions: i32,
    rules: Rules,
    accounts: HashMap<String, Account>,
    waiting: std::slice::Iter<'a, Record>,
    expected: Expected,
}

pub fn fold(
    partition: i32,
    requests: &Records,
    updates: &Records,
    decisions: &Records,
    rules: Rules,
) -> Expected {
    let mut fold = Fold {
        partition,
        partitions: requests.len() as i32,
        rules,
        accounts: HashMap::new(),
        waiting: updates[&partition].iter(),
        expected: Expected::default(),
    };
    assert_eq!(
        requests[&partition].len(),
        decisions[&partition].len(),
        "partition {partition}: each request gets one decision"
    );
    for (request, decision) in requests[&partition].iter().zip(&decisions[&partition]) {
        let decision = decision.json();
        assert_eq!(decision["request_offset"], request.offset, "decisions are in the order of requests");
        fold.updates_below(decision["updates_position"].as_i64().unwrap());
        fold.request(request);
    }
    fold.updates_below(i64::MAX);
    fold.expected.balances = fold.accounts.values().map(|account| account.balance).sum();
    fold.expected
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

fn is_valid(request: &Value) -> bool {
    let is_id = |text: &str| {
        (1..=64).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
    };
    let has_amount = request["amount_cents"].as_i64().is_some_and(|cents| (1..=MOST).contains(&cents));
    let currency = text(request, "currency");
    is_id(text(request, "request_id"))
        && is_id(text(request, "account_id"))
        && currency.len() == 3
        && currency.chars().all(|c| c.is_ascii_uppercase())
        && match text(request, "kind") {
            "open" => !text(request, "holder").is_empty(),
            "deposit" | "withdraw" => has_amount,
            "transfer" => has_amount && is_id(text(request, "to")),
            _ => false,
        }
}

impl Fold<'_> {
    fn request(&mut self, record: &Record) {
        let (request, at) = (record.json(), record.at_ms);
        let (outcome, reason) =
            if !is_valid(&request) { ("refused", Some("unreadable")) } else { self.valid(&request, at) };
        let known = reason != Some("unreadable");
        let id = text(&request, "account_id").to_owned();
        let balance = self
            .accounts
            .get(&id)
            .map(|account| account.balance)
            .filter(|_| known && reason != Some("wrong_partition"));
        self.expected.decisions.push(json!({
            "request_id": known.then(|| text(&request, "request_id")),
            "account_id": known.then_some(&id),
            "outcome": outcome,
            "reason": reason,
            "balance_cents": balance,
            "at_ms": at,
            "request_offset": record.offset,
        }));
        self.expected.notifications += usize::from(known && outcome != "duplicate");
        if let Some(reason @ ("too_many_requests" | "large_amount")) = reason {
            let request_id = text(&request, "request_id");
            self.expected
                .alerts
                .push(json!({ "account_id": id, "request_id": request_id, "reason": reason }));
        }
    }

    fn valid(&mut self, request: &Value, at: i64) -> (&'static str, Option<&'static str>) {
        let (id, request_id, kind) =
            (text(request, "account_id"), text(request, "request_id"), text(request, "kind"));
        if murmur2::partition(id.as_bytes(), self.partitions) != self.partition {
            return ("refused", Some("wrong_partition"));
        }
        if kind == "open" && !self.accounts.contains_key(id) {
            let mut account = Account::new(text(request, "currency"));
            account.times.push(at);
            account.approved.push(request_id.to_owned());
            self.expected.states.push(account.state(id));
            let holder = text(request, "holder");
            self.expected.profiles.push(json!({ "account_id": id, "holder": holder }));
            self.accounts.insert(id.to_owned(), account);
            return ("approved", None);
        }
        let Some(account) = self.accounts.get_mut(id) else {
            return ("refused", Some("unknown_account"));
        };
        if account.is_repetition(request_id, self.rules.requests_per_minute) {
            return ("duplicate", None);
        }
        let before = account.requests_within_a_minute(at);
        account.times.push(at);
        let amount = request["amount_cents"].as_i64().unwrap_or_default();
        let leaves = kind == "withdraw" || kind == "transfer";
        let refusal = if before >= self.rules.requests_per_minute {
            Some("too_many_requests")
        } else if leaves && amount > self.rules.large_amount {
            Some("large_amount")
        } else if kind == "open" {
            Some("account_exists")
        } else if kind == "transfer" && text(request, "to") == id {
            Some("same_account")
        } else if text(request, "currency") != account.currency {
            Some("other_currency")
        } else if leaves && amount > account.balance {
            Some("insufficient_funds")
        } else if !leaves && account.balance + amount > MOST {
            Some("balance_too_large")
        } else {
            None
        };
        if refusal.is_none() {
            account.balance += if leaves { -amount } else { amount };
            account.approved.push(request_id.to_owned());
            self.expected.money += match kind {
                "deposit" => amount,
                "withdraw" => -amount,
                _ => 0,
            };
        }
        self.expected.states.push(account.state(id));
        if refusal.is_some() {
            return ("refused", refusal);
        }
        if kind == "transfer" {
            self.expected.updates.push(json!({
                "account_id": text(request, "to"), "kind": "credit", "transfer_id": request_id, "from": id,
                "amount_cents": amount, "currency": text(request, "currency"),
            }));
        }
        ("approved", None)
    }

    fn updates_below(&mut self, position: i64) {
        while self.waiting.as_slice().first().is_some_and(|record| record.offset < position) {
            if let Some(record) = self.waiting.next() {
                self.update(&record.json());
            }
        }
    }

    fn update(&mut self, update: &Value) {
        let id = text(update, "account_id");
        assert_eq!(murmur2::partition(id.as_bytes(), self.partitions), self.partition, "{update}");
        let (amount, currency) =
            (update["amount_cents"].as_i64().unwrap_or_default(), text(update, "currency"));
        let account = self.accounts.get_mut(id);
        let kind = text(update, "kind");
        self.expected.notifications += 1;
        match (kind, account) {
            ("profile", Some(_)) => {
                self.expected.profiles.push(json!({ "account_id": id, "holder": text(update, "holder") }));
            }
            ("profile", None) => {}
            ("credit", Some(account)) if account.currency == currency && account.balance + amount <= MOST => {
                account.balance += amount;
                self.expected.states.push(account.state(id));
            }
            ("credit", _) => {
                self.expected.notifications -= 1;
                self.expected.updates.push(json!({
                    "account_id": text(update, "from"), "kind": "refund", "transfer_id": text(update, "transfer_id"),
                    "to": id, "amount_cents": amount, "currency": currency,
                }));
            }
            ("refund", Some(account)) => {
                account.balance += amount;
                self.expected.states.push(account.state(id));
            }
            _ => panic!("the program has written {update}"),
        }
    }
}
