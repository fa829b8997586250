//! `bank-app watch`: the outputs as lines. Only what is committed is seen.

use std::time::Duration;

use event_log::{OwnedRecord, Tail, TailFrom};
use output::Reader;
use service::{Failure, Shell};

use crate::account::Account;
use crate::args::WatchArgs;
use crate::decision::{Decision, Outcome};
use crate::fraud_alert::FraudAlert;
use crate::json;
use crate::notification::Notification;
use crate::place::Place;
use crate::positions;
use crate::profile::Profile;
use crate::topic::Topic;

const TURN: Duration = Duration::from_millis(100);

pub fn watch(place: &Place, options: &WatchArgs, shell: &Shell) -> Result<(), Failure> {
    place.partitions()?;
    let names = Topic::OUTPUTS.map(|topic| place.topic(topic));
    let from = if options.from_beginning { TailFrom::Beginning } else { TailFrom::End };
    let tail = Tail::start(&place.kafka, &names.each_ref().map(String::as_str), from)?;
    while !shell.stop.is_cancelled() {
        let Some(record) = tail.next(TURN)? else { continue };
        let topic = Topic::OUTPUTS.into_iter().zip(&names).find(|(_, name)| **name == record.topic);
        let Some((topic, _)) = topic else { continue };
        if record.key.as_deref() == Some(positions::KEY) {
            continue;
        }
        let text = text(topic, &record).unwrap_or_else(|problem| format!("cannot be read: {problem}"));
        if output::data(&format!("{:24}{text}", topic.base_name()))? == Reader::Left {
            break;
        }
    }
    Ok(())
}

fn text(topic: Topic, record: &OwnedRecord) -> Result<String, String> {
    let value = record.value.as_deref();
    Ok(match topic {
        Topic::TransactionRequests | Topic::AccountUpdates => String::new(),
        Topic::TransactionsValidated => {
            let Decision { request_id, account_id, outcome, detail, .. } = json::decode(value)?;
            let outcome = match outcome {
                Outcome::Approved => "approved",
                Outcome::Duplicate => "duplicate",
                Outcome::Refused => "refused",
            };
            let detail = detail.map(|detail| format!(": {detail}")).unwrap_or_default();
            let request = request_id.map_or_else(|| "without id".to_owned(), |id| id.to_string());
            format!("{} request {request} {outcome}{detail}", of(account_id))
        }
        Topic::FraudAlerts => {
            let FraudAlert { account_id, request_id, detail, .. } = json::decode(value)?;
            format!("{account_id} request {request_id}: {detail}")
        }
        Topic::AccountBalanceUpdates => {
            let Account { account_id, balance_cents, currency, version, .. } = json::decode(value)?;
            format!("{account_id} {balance_cents} {currency} (version {version})")
        }
        Topic::AccountProfileUpdates => {
            let Profile { account_id, holder, currency, .. } = json::decode(value)?;
            format!("{account_id} {holder}, {currency}")
        }
        Topic::Notifications => {
            let Notification { account_id, text, .. } = json::decode(value)?;
            format!("{} {text}", of(account_id))
        }
    })
}

fn of(account_id: Option<crate::account_id::AccountId>) -> String {
    account_id.map_or_else(|| "-".to_owned(), |id| id.to_string())
}
