//! A consumer is killed between handling a record and committing its offset, and started again.

use std::process::Stdio;

use output::say;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::handler::Order;
use crate::kafka::{Kafka, send};
use crate::sink::Sink;
use crate::{Result, failed};

const RECORDS: usize = 5;
/// The record between whose two steps the consumer is killed.
const KILLED_AT: &str = "2";

pub async fn show(kafka: &Kafka, database: &str) -> Result<()> {
    say!(
        "A consumer reads five payments and writes a row for each. At the third one, it is killed between its two steps,"
    );
    say!("and started again.");
    say!("");
    say!("{:<16}{}", "", "rows of each payment");
    for order in [Order::CommitFirst, Order::HandleFirst, Order::Together] {
        let topic = kafka.topic("commit-order").await?;
        let sink = Sink::create(database, &topic).await?;
        let records: Vec<_> = (1..=RECORDS).map(|number| format!("payment {number}")).collect();
        let producer = kafka.producer(&[])?;
        for record in &records {
            send(&producer, &topic, record).await?;
        }
        let consumer = |flags: &[&str]| -> Result<Command> {
            let mut command = Command::new(std::env::current_exe()?);
            command
                .args(["handle", order.name(), &topic])
                .args(flags)
                .stdout(Stdio::piped())
                .kill_on_drop(true);
            command.args(["--kafka-bootstrap-servers", &kafka.0]).env("DATABASE_URL", database);
            Ok(command)
        };
        let mut killed = consumer(&["--pause-at", KILLED_AT])?.spawn()?;
        let output = killed.stdout.take().ok_or_else(|| failed("the consumer has no output"))?;
        let line = BufReader::new(output).lines().next_line().await?;
        if line.as_deref() != Some("paused") {
            return Err(failed("the consumer has ended before it was killed"));
        }
        killed.kill().await?;
        if !consumer(&[])?.spawn()?.wait().await?.success() {
            return Err(failed("the consumer that was started again has failed"));
        }
        let counts = sink.handled(&records).await?;
        let texts: Vec<_> = counts.iter().map(ToString::to_string).collect();
        say!("{:<16}{:<16}{}", order.name(), texts.join(" "), verdict(&records, &counts));
        sink.remove().await?;
        kafka.remove(&topic).await?;
    }
    Ok(())
}

fn verdict(records: &[String], counts: &[i64]) -> String {
    match records.iter().zip(counts).find(|(_, count)| **count != 1) {
        Some((record, 0)) => format!("{record} is lost"),
        Some((record, _)) => format!("{record} is doubled"),
        None => "each has one".into(),
    }
}
