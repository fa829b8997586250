//! `bank-app load`: made-up requests. Some are repeated, and some transfers lead to nobody.

use std::time::{Duration, Instant};

use event_log::{NewRecord, RecordWriter, partition_of_key};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use service::{Failure, Shell};

use crate::account_id::AccountId;
use crate::args::LoadArgs;
use crate::currency::Currency;
use crate::json;
use crate::money::Cents;
use crate::place::Place;
use crate::request::{Action, Request};
use crate::request_id::RequestId;
use crate::topic::Topic;

const LAST_ANSWERS_LIMIT: Duration = Duration::from_secs(130);

pub fn load(place: &Place, options: &LoadArgs, shell: &Shell) -> Result<(), Failure> {
    let (partitions, topic) = (place.partitions()?, place.topic(Topic::TransactionRequests));
    let writer = RecordWriter::connect(&place.kafka)?;
    let (started, mut sent) = (Instant::now(), 0_u64);
    for request in requests(options) {
        let due = if options.rate == 0 { 0.0 } else { sent as f64 / f64::from(options.rate) };
        std::thread::sleep(Duration::from_secs_f64(due).saturating_sub(started.elapsed()));
        if shell.stop.is_cancelled() {
            writer.finish(shell.shutdown_timeout)?;
            return Err(shell.interrupted(&format!("only {sent} requests are sent")));
        }
        let key = request.account_id.as_bytes();
        let partition = Some(partition_of_key(key, partitions));
        writer.send(&NewRecord {
            topic: &topic,
            partition,
            key: Some(key),
            value: &json::encode(&request)?,
        })?;
        sent += 1;
    }
    writer.finish(LAST_ANSWERS_LIMIT)?;
    output::say!("{sent} requests are sent");
    Ok(())
}

/// The same seed makes the same requests. The ids of a seed differ from those of another.
fn requests(options: &LoadArgs) -> impl Iterator<Item = Request> {
    let LoadArgs { accounts, requests, seed, .. } = *options;
    let mut rng = StdRng::seed_from_u64(seed);
    let mut last = None;
    let opened = (0..accounts).map(move |number| {
        let holder = format!("Holder {number}");
        request(seed, format!("open-{number}"), number, Action::Open { holder, currency: euro() })
    });
    let moved = (0..requests).map(move |number| {
        // One in fifty is sent twice, as by a client that missed the answer.
        if rng.random_ratio(1, 50)
            && let Some(last) = last.take()
        {
            return last;
        }
        let account = rng.random_range(0..accounts);
        let amount_cents = Cents::new(rng.random_range(1..=50_000));
        let action = match rng.random_range(0..10) {
            0..=3 => Action::Deposit { amount_cents, currency: euro() },
            4 => Action::Withdraw { amount_cents, currency: euro() },
            // One in a hundred leads to nobody.
            _ if rng.random_ratio(1, 50) => {
                Action::Transfer { to: AccountId::new("nobody"), amount_cents, currency: euro() }
            }
            _ => {
                let to = account_id(seed, rng.random_range(0..accounts));
                Action::Transfer { to, amount_cents, currency: euro() }
            }
        };
        let request = request(seed, number.to_string(), account, action);
        last = Some(request.clone());
        request
    });
    opened.chain(moved)
}

fn request(seed: u64, id: String, account: u32, action: Action) -> Request {
    let request_id = RequestId::new(format!("load-{seed}-{id}"));
    Request { request_id, account_id: account_id(seed, account), action }
}

fn account_id(seed: u64, number: u32) -> AccountId {
    AccountId::new(format!("L{seed}-{number}"))
}

fn euro() -> Currency {
    Currency::new("EUR")
}

#[cfg(test)]
mod tests {
    use garde::Validate;

    use super::*;

    #[test]
    fn a_seed_makes_the_same_valid_requests() {
        let options = LoadArgs { accounts: 10, requests: 500, rate: 0, seed: 7 };
        let all: Vec<_> = requests(&options).collect();
        assert_eq!(all, requests(&options).collect::<Vec<_>>());
        assert_eq!(all.len(), 510);
        assert!(all.iter().all(|request| request.validate().is_ok()));
        assert!(all.windows(2).any(|pair| pair[0] == pair[1]), "some are sent twice");
    }
}
