//! Two or more ledgers that share the partitions, with random inputs: no cent is lost or made.

use std::collections::BTreeMap;

use event_log::{Offset, partition_of_key};
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::account::Account;
use crate::input::Input;
use crate::json;
use crate::money::Cents;
use crate::outputs::Output;
use crate::topic::Topic;

const PARTITIONS: i32 = 3;

/// The application without Kafka: a ledger, and the updates that wait in each partition.
struct World {
    ledger: Ledger,
    waiting: BTreeMap<Partition, Vec<Vec<u8>>>,
    offsets: BTreeMap<Partition, i64>,
    outputs: Vec<Output>,
}

impl World {
    fn new() -> Self {
        let rules = Rules { large_amount: Cents::MOST, requests_per_minute: 1_000 };
        let ledger = Ledger::new(rules, PARTITIONS);
        Self { ledger, waiting: BTreeMap::new(), offsets: BTreeMap::new(), outputs: Vec::new() }
    }

    fn input<'a>(&mut self, partition: Partition, value: &'a [u8]) -> Input<'a> {
        let offset = self.offsets.entry(partition).or_default();
        *offset += 1;
        Input { partition, offset: Offset(*offset), at_ms: 0, value: Some(value) }
    }

    fn take(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            if output.topic == Topic::AccountUpdates {
                self.waiting.entry(output.partition).or_default().push(output.value);
            } else {
                self.outputs.push(output);
            }
        }
    }

    fn request(&mut self, account: &str, text: &str) {
        let partition = partition_of_key(account.as_bytes(), PARTITIONS);
        let input = self.input(partition, text.as_bytes());
        let outputs = self.ledger.request(&input).unwrap();
        self.take(outputs);
    }

    /// Applies the oldest waiting update of a partition; false if there is none.
    fn step(&mut self, partition: Partition) -> bool {
        let waiting = self.waiting.entry(partition).or_default();
        if waiting.is_empty() {
            return false;
        }
        let value = waiting.remove(0);
        let input = self.input(partition, &value);
        let outputs = self.ledger.update(&input).unwrap();
        self.take(outputs);
        true
    }

    fn drain(&mut self) {
        while (0..PARTITIONS).any(|partition| self.step(Partition(partition))) {}
    }

    fn amount(value: &[u8]) -> i64 {
        serde_json::from_slice::<Value>(value).unwrap()["amount_cents"].as_i64().unwrap_or_default()
    }

    /// All balances and all credits under way.
    fn sum(&self) -> i64 {
        let accounts = self.ledger.shards.values().flat_map(|shard| shard.accounts.values());
        let balances: i64 = accounts
            .map(|account| serde_json::to_value(account.balance_cents).unwrap().as_i64().unwrap())
            .sum();
        balances + self.waiting.values().flatten().map(|value| Self::amount(value)).sum::<i64>()
    }

    fn last<'a>(&'a self, topic: Topic) -> Value {
        let mut of: Vec<&'a Output> = self.outputs.iter().filter(|output| output.topic == topic).collect();
        serde_json::from_slice(&of.pop().unwrap().value).unwrap()
    }
}

fn open(world: &mut World, account: &str, currency: &str) {
    let text = format!(
        r#"{{"request_id":"open","account_id":"{account}","kind":"open","holder":"H","currency":"{currency}"}}"#
    );
    world.request(account, &text);
}

fn pay(world: &mut World, id: &str, from: &str, to: Option<&str>, kind: &str, cents: i64) {
    let to = to.map(|to| format!(r#","to":"{to}""#)).unwrap_or_default();
    let text = format!(
        r#"{{"request_id":"{id}","account_id":"{from}","kind":"{kind}"{to},"amount_cents":{cents},"currency":"EUR"}}"#
    );
    world.request(from, &text);
}

#[test]
fn a_transfer_to_nobody_comes_back() {
    let mut world = World::new();
    open(&mut world, "A", "EUR");
    pay(&mut world, "1", "A", None, "deposit", 500);
    pay(&mut world, "2", "A", Some("nobody"), "transfer", 200);
    assert_eq!(world.last(Topic::TransactionsValidated)["balance_cents"], 300);
    assert_eq!(world.sum(), 500);
    world.drain();
    assert_eq!(world.last(Topic::AccountBalanceUpdates)["balance_cents"], 500);
    let text = world.last(Topic::Notifications)["text"].to_string();
    assert!(text.contains("transfer 2 to nobody failed: account nobody does not exist"), "{text}");
}

#[test]
fn a_transfer_into_another_currency_comes_back() {
    let mut world = World::new();
    open(&mut world, "A", "EUR");
    open(&mut world, "B", "USD");
    pay(&mut world, "1", "A", None, "deposit", 500);
    pay(&mut world, "2", "A", Some("B"), "transfer", 200);
    world.drain();
    assert_eq!(world.last(Topic::AccountBalanceUpdates)["account_id"], "A");
    assert_eq!(world.last(Topic::AccountBalanceUpdates)["balance_cents"], 500);
}

#[test]
fn what_cannot_be_read_gets_a_decision_and_changes_nothing() {
    let mut world = World::new();
    open(&mut world, "A", "EUR");
    world.request("A", "nonsense\u{7}");
    assert_eq!(world.last(Topic::TransactionsValidated)["reason"], "unreadable");
    let elsewhere = (0..)
        .map(|n| format!("X{n}"))
        .find(|id| partition_of_key(id.as_bytes(), PARTITIONS) != partition_of_key(b"A", PARTITIONS));
    let text = r#"{"request_id":"9","account_id":"A","kind":"deposit","amount_cents":5,"currency":"EUR"}"#;
    world.request(&elsewhere.unwrap(), text);
    assert_eq!(world.last(Topic::TransactionsValidated)["reason"], "wrong_partition");
    assert_eq!(world.sum(), 0);
}

#[test]
fn a_state_that_was_written_is_the_state_that_is_read() {
    let mut world = World::new();
    open(&mut world, "A", "EUR");
    pay(&mut world, "1", "A", None, "deposit", 500);
    let written = world.outputs.iter().rfind(|output| output.topic == Topic::AccountBalanceUpdates).unwrap();
    let read: Account = json::decode(Some(&written.value)).unwrap();
    assert_eq!(Some(&read), world.ledger.shards[&written.partition].accounts.get(&read.account_id));
}

proptest! {
    #[test]
    fn money_is_never_made_or_lost(steps in prop::collection::vec((0_u8..5, 0_usize..4, 0_usize..5, 1_i64..1000, 0_u8..20), 1..120)) {
        let accounts = ["A", "B", "C", "D", "nobody"];
        let mut world = World::new();
        for account in &accounts[..3] {
            open(&mut world, account, "EUR");
        }
        open(&mut world, "D", "USD");
        let mut expected = 0_i64;
        for (kind, from, to, cents, id) in steps {
            let id = format!("r{id}");
            let before = world.outputs.len();
            match kind {
                0 => pay(&mut world, &id, accounts[from], None, "deposit", cents),
                1 => pay(&mut world, &id, accounts[from], None, "withdraw", cents),
                2 | 3 => pay(&mut world, &id, accounts[from], Some(accounts[to]), "transfer", cents),
                _ => { world.step(Partition(i32::try_from(to).unwrap() % PARTITIONS)); }
            }
            let approved = world.outputs[before..].iter().any(|output| {
                output.topic == Topic::TransactionsValidated
                    && serde_json::from_slice::<Value>(&output.value).unwrap()["outcome"] == "approved"
            });
            if approved {
                expected += match kind { 0 => cents, 1 => -cents, _ => 0 };
            }
            prop_assert_eq!(world.sum(), expected);
        }
        world.drain();
        prop_assert_eq!(world.sum(), expected);
        prop_assert!(world.waiting.values().all(Vec::is_empty));
    }
}
