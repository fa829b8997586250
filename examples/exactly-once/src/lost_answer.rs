//! The answer to a send is lost: the broker has the record, and the producer does not know it.

use output::say;

use crate::kafka::{Kafka, send};
use crate::lossy_proxy::LossyProxy;
use crate::{Result, failed};

pub async fn show(kafka: &Kafka) -> Result<()> {
    say!(
        "A producer sends one record. The broker appends it, its answer is lost, and the producer sends it again."
    );
    say!("");
    for (idempotence, name) in [("false", "without idempotence"), ("true", "with idempotence")] {
        let topic = kafka.topic("lost-answer").await?;
        let proxy = LossyProxy::before(&kafka.0).await?;
        let network = Kafka(proxy.address.to_string());
        let producer = network.producer(&[
            ("enable.idempotence", idempotence),
            ("acks", "all"),
            ("retry.backoff.ms", "100"),
        ])?;
        send(&producer, &topic, "a payment of 10.00").await?;
        if !proxy.has_lost() {
            return Err(failed("no answer was lost: the scene needs a single broker"));
        }
        say!("{name}: the log has");
        for (offset, record) in kafka.read(&topic, "read_committed").await? {
            say!("    offset {offset}: {record}");
        }
        kafka.remove(&topic).await?;
    }
    Ok(())
}
