//! `bank-app request`: sends one record, and waits for the decision.

use std::time::{Duration, Instant};

use event_log::{NewRecord, RecordWriter, Tail, TailFrom, partition_of_key};
use service::{Exit, Failure, Shell};

use crate::account_id::AccountId;
use crate::args::ToSend;
use crate::decision::{Decision, Outcome};
use crate::json;
use crate::place::Place;
use crate::request::Request;
use crate::request_id::RequestId;
use crate::topic::Topic;

const TURN: Duration = Duration::from_millis(100);

pub fn send(place: &Place, to_send: &ToSend, shell: &Shell) -> Result<(), Failure> {
    let out =
        Out { place, partitions: place.partitions()?, shell, writer: RecordWriter::connect(&place.kafka)? };
    match to_send {
        ToSend::Update(update) => {
            out.write(Topic::AccountUpdates, &update.account_id, &json::encode(update)?)?;
            output::say!("sent");
            Ok(())
        }
        ToSend::Request { request, wait } => {
            // Before the request is sent, so that its decision is not missed.
            let name = place.topic(Topic::TransactionsValidated);
            let decisions = Tail::start(&place.kafka, &[&name], TailFrom::End)?;
            let value = json::encode(request)?;
            out.write(Topic::TransactionRequests, &request.account_id, &value)
                .map_err(may_have_been_sent(&request.request_id))?;
            decision(&decisions, request, *wait, shell)
        }
    }
}

/// Where one record goes.
struct Out<'a> {
    place: &'a Place,
    partitions: i32,
    shell: &'a Shell,
    writer: RecordWriter,
}

impl Out<'_> {
    /// After an error, the record may be in its topic or not.
    fn write(&self, topic: Topic, account_id: &AccountId, value: &[u8]) -> Result<(), event_log::Error> {
        let key = account_id.as_bytes();
        self.writer.send(&NewRecord {
            topic: &self.place.topic(topic),
            partition: Some(partition_of_key(key, self.partitions)),
            key: Some(key),
            value,
        })?;
        self.writer.finish(self.shell.shutdown_timeout)
    }
}

/// Nobody but this process knows an id that was made up, and only with it can the request be sent again safely.
fn may_have_been_sent(id: &RequestId) -> impl Fn(event_log::Error) -> Failure {
    move |error| {
        let message = format!("request {id} may have been sent: {error}. {}", again(id));
        Failure::new(Exit::Unexpected, message)
    }
}

fn again(id: &RequestId) -> String {
    format!("Send it again with --id {id}: it is applied once")
}

fn decision(decisions: &Tail, request: &Request, wait: Duration, shell: &Shell) -> Result<(), Failure> {
    let (id, deadline) = (&request.request_id, Instant::now() + wait);
    if wait.is_zero() {
        output::say!("request {id} is sent");
        return Ok(());
    }
    while Instant::now() < deadline && !shell.stop.is_cancelled() {
        let Some(record) = decisions.next(TURN).map_err(may_have_been_sent(id))? else { continue };
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
        let what = format!(
            "request {id} was sent, but the program stopped before the decision arrived. {}",
            again(id)
        );
        return Err(shell.interrupted(&what));
    }
    let seconds = wait.as_secs();
    let message = format!(
        "request {id} is sent, and there is no decision after {seconds} s; is `bank-app run` running? {}",
        again(id)
    );
    Err(Failure::new(Exit::Unexpected, message))
}
