//! Updates: profiles, and the money that comes in from other accounts.

use event_log::{Position, partition_of_key};

use super::{Ledger, LedgerError};
use crate::account_update::{AccountUpdate, Change};
use crate::input::Input;
use crate::json;
use crate::outputs::{Output, Outputs};
use crate::profile::Profile;
use crate::refusal::Refusal;
use crate::rules::credited;
use crate::topic::Topic;

impl Ledger {
    /// Applies a record of `account_updates`. Money that cannot be credited goes back in the same transaction.
    pub fn update(&mut self, input: &Input<'_>) -> Result<Vec<Output>, LedgerError> {
        let mut outputs = Outputs::new(input.partition, self.partitions, input.at_ms);
        let shard = self.shards.entry(input.partition).or_default();
        shard.positions.updates = Position::after(input.offset).0;
        let own = json::decode::<AccountUpdate>(input.value).and_then(|update| {
            let must = partition_of_key(update.account_id.as_bytes(), self.partitions);
            let elsewhere = || Refusal::WrongPartition { is: input.partition.0, must: must.0 }.to_string();
            if must == input.partition { Ok(update) } else { Err(elsewhere()) }
        });
        match own {
            Ok(update) => self.apply(input, &update, &mut outputs)?,
            Err(problem) => {
                let Input { partition, offset, .. } = input;
                outputs
                    .notify(None, format!("account_updates {partition}:{offset} was left out: {problem}"))?;
            }
        }
        Ok(outputs.into_list())
    }

    fn apply(
        &mut self,
        input: &Input<'_>,
        update: &AccountUpdate,
        outputs: &mut Outputs,
    ) -> Result<(), LedgerError> {
        let AccountUpdate { account_id, change } = update;
        let shard = self.shards.entry(input.partition).or_default();
        let account = shard.accounts.get_mut(account_id);
        let unknown = || Refusal::UnknownAccount(account_id.clone());
        match change {
            Change::Profile { holder } => match account {
                Some(account) => {
                    let (holder, currency) = (holder.clone(), account.currency.clone());
                    let profile =
                        Profile { account_id: account_id.clone(), holder, currency, at_ms: input.at_ms };
                    outputs.push(Topic::AccountProfileUpdates, Some(account_id), &profile)?;
                    outputs.notify(Some(account_id), format!("the holder is {}", profile.holder))?;
                }
                None => outputs.notify(None, format!("a profile was left out: {}", unknown()))?,
            },
            Change::Credit { transfer_id, from, amount_cents, currency } => {
                let credited = account.ok_or_else(unknown).and_then(|account| {
                    let balance = credited(account, *amount_cents, currency)?;
                    Ok((account, balance))
                });
                match credited {
                    Ok((account, balance)) => {
                        account.balance_cents = balance;
                        outputs.state(account)?;
                        let text = format!(
                            "{amount_cents} {currency} came from {from}; the balance is {balance} {currency}"
                        );
                        outputs.notify(Some(account_id), text)?;
                    }
                    Err(refusal) => {
                        let change = Change::Refund {
                            transfer_id: transfer_id.clone(),
                            to: account_id.clone(),
                            amount_cents: *amount_cents,
                            currency: currency.clone(),
                            // An account id alone may have 64 characters.
                            reason: refusal.to_string().chars().take(100).collect(),
                        };
                        outputs.update(&AccountUpdate { account_id: from.clone(), change })?;
                    }
                }
            }
            Change::Refund { transfer_id, to, amount_cents, currency, reason } => match account {
                // It was this account's money, so neither its limit nor its rules are asked.
                Some(account) if account.currency == *currency => {
                    let balance = account.balance_cents.plus(*amount_cents);
                    account.balance_cents =
                        balance.ok_or_else(|| LedgerError::Overflow(account_id.clone()))?;
                    outputs.state(account)?;
                    let text = format!(
                        "{amount_cents} {currency} came back: transfer {transfer_id} to {to} failed: {reason}; the balance \
                         is {} {currency}",
                        account.balance_cents
                    );
                    outputs.notify(Some(account_id), text)?;
                }
                // No transfer of this application has such a refund.
                _ => {
                    outputs.notify(None, format!("a refund of {transfer_id} to {account_id} was left out"))?
                }
            },
        }
        Ok(())
    }
}
