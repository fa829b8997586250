//! Two transactions, of which one is aborted, and two readers.

use std::time::{Duration, Instant};

use output::say;
use rdkafka::producer::Producer as _;

use crate::kafka::{Kafka, send};
use crate::{Result, failed};

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
    let all = kafka.read(&topic, "read_uncommitted").await?;
    let committed = read_committed(kafka, &topic, all.last().map(|(offset, _)| *offset)).await?;
    say!("{:<10}{:<20}{}", "offset", "read_uncommitted", "read_committed");
    for (offset, record) in all {
        let seen =
            committed.iter().find(|(committed, _)| *committed == offset).map_or("", |(_, record)| record);
        say!("{}", format!("{offset:<10}{record:<20}{seen}").trim_end());
    }
    kafka.remove(&topic).await
}

/// Reads until the record at offset `last` is there. The commit is valid a moment before its marker is in the
/// partition, and until then readers stop before the transaction.
async fn read_committed(kafka: &Kafka, topic: &str, last: Option<i64>) -> Result<Vec<(i64, String)>> {
    let deadline = Instant::now() + LIMIT;
    loop {
        let records = kafka.read(topic, "read_committed").await?;
        if records.last().map(|(offset, _)| *offset) == last {
            return Ok(records);
        }
        if Instant::now() > deadline {
            return Err(failed("the marker of the second transaction has not come for 30 s"));
        }
        // Kafka has no request that waits for a marker.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
