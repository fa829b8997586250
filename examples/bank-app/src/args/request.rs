//! The flags of `bank-app request`, and the record that they become.

use std::time::Duration;

use clap::{Args, Subcommand};
use garde::Validate;
use service::Invalid;
use service::settings::whole_number;

use crate::account_id::AccountId;
use crate::account_update::{AccountUpdate, Change};
use crate::currency::Currency;
use crate::money::Cents;
use crate::request::{Action, Request};
use crate::request_id::RequestId;

#[derive(Args, Clone, Debug)]
pub struct RequestArgs {
    #[command(subcommand)]
    pub action: ActionArgs,

    /// Currency of the account or the amount
    #[arg(long, value_name = "CODE", default_value = "EUR", global = true)]
    pub currency: String,

    /// Id of the request: a repetition with the same id is not applied again; random if not given
    #[arg(long, value_name = "ID", global = true)]
    pub id: Option<String>,

    /// Seconds to wait for the decision, 0 to 600
    #[arg(long, value_name = "SECONDS", default_value = "30", global = true)]
    pub wait_seconds: String,
}

#[derive(Clone, Debug, Subcommand)]
pub enum ActionArgs {
    /// Open an account
    Open { account: String, holder: String },
    /// Pay money in
    Deposit { account: String, amount: String },
    /// Take money out
    Withdraw { account: String, amount: String },
    /// Move money to another account: bank-app request transfer A B 10.00
    Transfer { from: String, to: String, amount: String },
    /// Change the holder of an account, as the back office does; there is no decision to wait for
    Profile { account: String, holder: String },
}

/// What is sent.
#[derive(Clone, Debug)]
pub enum ToSend {
    Request { request: Request, wait: Duration },
    Update(AccountUpdate),
}

impl RequestArgs {
    pub fn validate(&self) -> Result<ToSend, Invalid> {
        let wait = Duration::from_secs(whole_number("--wait-seconds", &self.wait_seconds, 0, 600)?);
        let currency = Currency::new(self.currency.as_str());
        let (account, action) = match &self.action {
            ActionArgs::Profile { account, holder } => {
                let change = Change::Profile { holder: holder.clone() };
                let update = AccountUpdate { account_id: AccountId::new(account.as_str()), change };
                return valid(update).map(ToSend::Update);
            }
            ActionArgs::Open { account, holder } => {
                (account, Action::Open { holder: holder.clone(), currency })
            }
            ActionArgs::Deposit { account, amount } => {
                (account, Action::Deposit { amount_cents: cents(amount)?, currency })
            }
            ActionArgs::Withdraw { account, amount } => {
                (account, Action::Withdraw { amount_cents: cents(amount)?, currency })
            }
            ActionArgs::Transfer { from, to, amount } => {
                let to = AccountId::new(to.as_str());
                (from, Action::Transfer { to, amount_cents: cents(amount)?, currency })
            }
        };
        let id = self.id.clone().unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
        let (request_id, account_id) = (RequestId::new(id), AccountId::new(account.as_str()));
        let request = valid(Request { request_id, account_id, action })?;
        Ok(ToSend::Request { request, wait })
    }
}

fn cents(text: &str) -> Result<Cents, Invalid> {
    Cents::parse(text)
        .ok_or_else(|| Invalid::new("AMOUNT", format!("is {text:?}; it must be an amount such as 10.00")))
}

/// The check that the receiver makes.
fn valid<T: Validate<Context = ()>>(value: T) -> Result<T, Invalid> {
    match value.validate() {
        Ok(()) => Ok(value),
        Err(report) => {
            let problems: Vec<_> = report.iter().map(|(field, error)| format!("{field} {error}")).collect();
            Err(Invalid::new("the request", format!("is not valid: {}", problems.join("; "))))
        }
    }
}
