//! Requests: each gets exactly one decision.

use event_log::{Position, partition_of_key};

use super::{Ledger, LedgerError};
use crate::account::Account;
use crate::account_update::{AccountUpdate, Change};
use crate::currency::Currency;
use crate::decision::{Decision, Outcome};
use crate::fraud_alert::FraudAlert;
use crate::input::Input;
use crate::json;
use crate::outputs::{Output, Outputs};
use crate::profile::Profile;
use crate::refusal::Refusal;
use crate::request::{Action, Request};
use crate::rules::{Verdict, decide};
use crate::topic::Topic;

impl Ledger {
    /// Applies a record of `transaction_requests`.
    pub fn request(&mut self, input: &Input<'_>) -> Result<Vec<Output>, LedgerError> {
        let mut outputs = Outputs::new(input.partition, self.partitions, input.at_ms);
        let shard = self.shards.entry(input.partition).or_default();
        shard.positions.requests = Position::after(input.offset).0;
        let decided = Decided { input: *input, updates_position: shard.positions.updates };
        let request = match json::decode::<Request>(input.value) {
            Ok(request) => request,
            Err(problem) => {
                decided.refuse(&mut outputs, None, &Refusal::Unreadable(problem))?;
                return Ok(outputs.into_list());
            }
        };
        let must = partition_of_key(request.account_id.as_bytes(), self.partitions);
        if must != input.partition {
            let refusal = Refusal::WrongPartition { is: input.partition.0, must: must.0 };
            decided.refuse(&mut outputs, Some((&request, None)), &refusal)?;
            return Ok(outputs.into_list());
        }
        match (shard.accounts.get_mut(&request.account_id), &request.action) {
            (Some(account), _) => {
                let most = self.rules.requests_per_minute;
                match decide(account, &request, input.at_ms, &self.rules) {
                    Verdict::Duplicate => {
                        decided.push(
                            &mut outputs,
                            Outcome::Duplicate,
                            Some((&request, Some(account))),
                            None,
                        )?;
                    }
                    Verdict::Refused(refusal) => {
                        account.count_request(input.at_ms, most);
                        outputs.state(account)?;
                        decided.refuse(&mut outputs, Some((&request, Some(account))), &refusal)?;
                    }
                    Verdict::Approved(balance) => {
                        account.balance_cents = balance;
                        account.count_request(input.at_ms, most);
                        account.remember_approved(request.request_id.clone(), most);
                        outputs.state(account)?;
                        if let Some(credit) = credit(&request) {
                            outputs.update(&credit)?;
                        }
                        decided.approve(&mut outputs, &request, account)?;
                    }
                }
            }
            (None, Action::Open { holder, currency }) => {
                let account = self.open(&decided, &request, holder, currency, &mut outputs)?;
                if let Some(shard) = self.shards.get_mut(&input.partition) {
                    shard.accounts.insert(request.account_id, account);
                }
            }
            (None, _) => {
                let refusal = Refusal::UnknownAccount(request.account_id.clone());
                decided.refuse(&mut outputs, Some((&request, None)), &refusal)?;
            }
        }
        Ok(outputs.into_list())
    }

    fn open(
        &self,
        decided: &Decided<'_>,
        request: &Request,
        holder: &str,
        currency: &Currency,
        outputs: &mut Outputs,
    ) -> Result<Account, LedgerError> {
        let at_ms = decided.input.at_ms;
        let mut account = Account::open(request.account_id.clone(), currency.clone());
        let most = self.rules.requests_per_minute;
        account.count_request(at_ms, most);
        account.remember_approved(request.request_id.clone(), most);
        outputs.state(&mut account)?;
        let profile = Profile {
            account_id: request.account_id.clone(),
            holder: holder.to_owned(),
            currency: currency.clone(),
            at_ms,
        };
        outputs.push(Topic::AccountProfileUpdates, Some(&request.account_id), &profile)?;
        decided.approve(outputs, request, &account)?;
        Ok(account)
    }
}

/// The second half of a transfer. It is committed together with the first.
fn credit(request: &Request) -> Option<AccountUpdate> {
    let Action::Transfer { to, amount_cents, currency } = &request.action else { return None };
    let change = Change::Credit {
        transfer_id: request.request_id.clone(),
        from: request.account_id.clone(),
        amount_cents: *amount_cents,
        currency: currency.clone(),
    };
    Some(AccountUpdate { account_id: to.clone(), change })
}

/// What all decisions about one record have in common.
struct Decided<'a> {
    input: Input<'a>,
    updates_position: i64,
}

/// The request, and the account if it exists.
type About<'a> = Option<(&'a Request, Option<&'a Account>)>;

impl Decided<'_> {
    fn approve(
        &self,
        outputs: &mut Outputs,
        request: &Request,
        account: &Account,
    ) -> Result<(), serde_json::Error> {
        self.push(outputs, Outcome::Approved, Some((request, Some(account))), None)?;
        let Account { currency, balance_cents, .. } = account;
        let done = match &request.action {
            Action::Open { .. } => "the account is open".to_owned(),
            Action::Deposit { amount_cents, .. } => format!("{amount_cents} {currency} came in"),
            Action::Withdraw { amount_cents, .. } => format!("{amount_cents} {currency} were withdrawn"),
            Action::Transfer { to, amount_cents, .. } => format!("{amount_cents} {currency} went to {to}"),
        };
        outputs
            .notify(Some(&request.account_id), format!("{done}; the balance is {balance_cents} {currency}"))
    }

    fn refuse(
        &self,
        outputs: &mut Outputs,
        about: About<'_>,
        refusal: &Refusal,
    ) -> Result<(), serde_json::Error> {
        self.push(outputs, Outcome::Refused, about, Some(refusal))?;
        let Some((Request { request_id, account_id, .. }, _)) = about else { return Ok(()) };
        if refusal.is_suspicious() {
            let alert = FraudAlert {
                account_id: account_id.clone(),
                request_id: request_id.clone(),
                reason: refusal.reason().to_owned(),
                detail: refusal.to_string(),
                at_ms: self.input.at_ms,
            };
            outputs.push(Topic::FraudAlerts, Some(account_id), &alert)?;
        }
        outputs.notify(Some(account_id), format!("request {request_id} was refused: {refusal}"))
    }

    fn push(
        &self,
        outputs: &mut Outputs,
        outcome: Outcome,
        about: About<'_>,
        refusal: Option<&Refusal>,
    ) -> Result<(), serde_json::Error> {
        let request = about.map(|(request, _)| request);
        let account = about.and_then(|(_, account)| account);
        let decision = Decision {
            request_id: request.map(|request| request.request_id.clone()),
            account_id: request.map(|request| request.account_id.clone()),
            outcome,
            reason: refusal.map(|refusal| refusal.reason().to_owned()),
            detail: refusal.map(ToString::to_string),
            balance_cents: account.map(|account| account.balance_cents),
            at_ms: self.input.at_ms,
            request_offset: self.input.offset.0,
            updates_position: self.updates_position,
        };
        outputs.push(Topic::TransactionsValidated, decision.account_id.as_ref(), &decision)
    }
}
