//! Two transactions, of which one is aborted, and two readers.

use std::time::Duration;

use output::say;
use rdkafka::producer::Producer as _;

use crate::Result;
use crate::kafka::{Kafka, send};

const LIMIT: Duration = Duration::from_secs(30);

pub async fn show(kafka: &Kafka) -> Result<()> {
    say!("Each transaction takes money from one account and gives it to another. The first one is aborted.");
    say!("");
    let topic = kafka.topic("transactions").await?;
    let producer = kafka.producer(&[("transactional.id", &topic)])?;
    producer.init_transactions(LIMIT)?;
    producer.begin_transaction()?;
    send(&producer, &topic, "1: A -10.00").await?;
    send(&producer, &topic, "1: B +10.00").await?;
    producer.abort_transaction(LIMIT)?;
    producer.begin_transaction()?;
    send(&producer, &topic, "2: A -20.00").await?;
    send(&producer, &topic, "2: B +20.00").await?;
    producer.commit_transaction(LIMIT)?;
    let committed = kafka.read(&topic, "read_committed").await?;
    say!("{:<10}{:<20}{}", "offset", "read_uncommitted", "read_committed");
    for (offset, record) in kafka.read(&topic, "read_uncommitted").await? {
        let seen =
            committed.iter().find(|(committed, _)| *committed == offset).map_or("", |(_, record)| record);
        say!("{}", format!("{offset:<10}{record:<20}{seen}").trim_end());
    }
    kafka.remove(&topic).await
}
