//! `bank-app request`: sends one record, and waits for the decision.

use std::time::{Duration, Instant};

use event_log::{NewRecord, RecordWriter, Tail, TailFrom, partition_of_key};
use serde::Serialize;
use service::{Exit, Failure, Shell};

use crate::account_id::AccountId;
use crate::args::ToSend;
use crate::decision::{Decision, Outcome};
use crate::json;
use crate::place::Place;
use crate::request::Request;
use crate::topic::Topic;

const TURN: Duration = Duration::from_millis(100);

pub fn send(place: &Place, to_send: &ToSend, shell: &Shell) -> Result<(), Failure> {
    let out = Out { place, partitions: place.partitions()?, shell };
    match to_send {
        ToSend::Update(update) => {
            out.write(Topic::AccountUpdates, &update.account_id, update)?;
            output::say!("sent");
            Ok(())
        }
        ToSend::Request { request, wait } => {
            // Before the request is sent, so that its decision is not missed.
            let name = place.topic(Topic::TransactionsValidated);
            let decisions = Tail::start(&place.kafka, &[&name], TailFrom::End)?;
            out.write(Topic::TransactionRequests, &request.account_id, request)?;
            decision(&decisions, request, *wait, shell)
        }
    }
}

/// Where one record goes.
struct Out<'a> {
    place: &'a Place,
    partitions: i32,
    shell: &'a Shell,
}

impl Out<'_> {
    fn write(&self, topic: Topic, account_id: &AccountId, value: &impl Serialize) -> Result<(), Failure> {
        let key = account_id.as_bytes();
        let writer = RecordWriter::connect(&self.place.kafka)?;
        writer.send(&NewRecord {
            topic: &self.place.topic(topic),
            partition: Some(partition_of_key(key, self.partitions)),
            key: Some(key),
            value: &json::encode(value)?,
        })?;
        Ok(writer.finish(self.shell.shutdown_timeout)?)
    }
}

fn decision(decisions: &Tail, request: &Request, wait: Duration, shell: &Shell) -> Result<(), Failure> {
    let (id, deadline) = (&request.request_id, Instant::now() + wait);
    while Instant::now() < deadline && !shell.stop.is_cancelled() {
        let Some(record) = decisions.next(TURN)? else { continue };
        let Ok(decision) = json::decode::<Decision>(record.value.as_deref()) else { continue };
        if decision.request_id.as_ref() != Some(id)
            || decision.account_id.as_ref() != Some(&request.account_id)
        {
            continue;
        }
        let balance = decision.balance_cents.map(|balance| format!("; the balance is {balance}"));
        let balance = balance.unwrap_or_default();
        return match decision.outcome {
            Outcome::Approved => {
                output::say!("request {id} is approved{balance}");
                Ok(())
            }
            Outcome::Duplicate => {
                output::say!("request {id} was approved before and is not applied again{balance}");
                Ok(())
            }
            Outcome::Refused => {
                let why = decision.detail.unwrap_or_default();
                Err(Failure::new(Exit::Unexpected, format!("request {id} is refused: {why}")))
            }
        };
    }
    if shell.stop.is_cancelled() {
        let what = format!("request {id} was sent, but the program stopped before the decision arrived");
        return Err(shell.interrupted(&what));
    }
    let message = format!(
        "request {id} is sent, and there is no decision after {} s; is `bank-app run` running? Send it again with --id {id} if in \
         doubt: it is applied once",
        wait.as_secs()
    );
    if wait.is_zero() {
        output::say!("request {id} is sent");
        return Ok(());
    }
    Err(Failure::new(Exit::Unexpected, message))
}
