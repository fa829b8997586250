//! A bank on Kafka transactions: requests become decisions, balances and credits, each applied exactly once.

mod account;
mod account_id;
mod account_update;
mod args;
mod batch;
mod currency;
mod decision;
mod exit;
mod fraud_alert;
mod input;
mod json;
mod ledger;
mod load;
mod money;
mod notification;
mod outputs;
mod place;
mod positions;
mod profile;
mod refusal;
mod request;
mod request_id;
mod restore;
mod rules;
mod run;
mod send;
mod shard;
mod start;
mod text;
mod topic;
mod topic_settings;
mod watch;

use std::process::ExitCode;

use args::{Args, Command};

fn main() -> ExitCode {
    service::run(
        |args: &Args| &args.shell,
        async |args, shell| {
            let place = args.place()?;
            match args.command {
                Command::Run(options) => {
                    let settings = options.validate(&place.kafka)?;
                    run::run(place, settings, shell).await
                }
                // The Kafka client blocks, so it has a thread of its own.
                Command::Request(options) => {
                    let request = options.validate()?;
                    tokio::task::spawn_blocking(move || send::send(&place, &request, &shell)).await?
                }
                Command::Watch(options) => {
                    tokio::task::spawn_blocking(move || watch::watch(&place, &options, &shell)).await?
                }
                Command::Load(options) => {
                    tokio::task::spawn_blocking(move || load::load(&place, &options, &shell)).await?
                }
            }
        },
    )
}
