//! Compares the record that was applied last in each partition with the one that the log holds at
//! its offset now.

use std::collections::BTreeMap;
use std::time::Duration;

use event_log::{Fingerprint, fingerprints};
use orders::{Offset, Partition};
use retry::retry;
use service::Health;
use views::SessionKind;

use super::unverified::Unverified;
use crate::error::{Error, Result};
use crate::log_mismatch::LogMismatch;
use crate::settings::Settings;

const INTERVAL: Duration = Duration::from_secs(10);
/// How long the records may take to arrive.
const READ_LIMIT: Duration = Duration::from_secs(5);

/// Compares before the group is joined, and waits for a broker that does not answer: the next batch replaces the
/// fingerprint of the record that was applied last, and with it the only evidence of a log that was truncated
/// and written again.
pub async fn verify_fingerprints(settings: &Settings, health: &Health) -> Result<()> {
    retry("Kafka", Error::is_passing, || verify_once(settings, health)).await
}

async fn verify_once(settings: &Settings, health: &Health) -> Result<()> {
    let unverified = check(settings).await?;
    unverified.publish(health);
    let error = match unverified.unanswered() {
        None => return Ok(()),
        Some(partitions) => Error::LogUnverified { partitions },
    };
    if settings.accepts_unverified_log {
        tracing::warn!(%error, "going on all the same, as --accept-unverified-log says");
        return Ok(());
    }
    health.set("log", Err(error.to_string()));
    Err(error)
}

/// Compares every 10 s, and returns only with a mismatch. A comparison that fails is repeated: a broker that is
/// away is noticed by others, and ids and end offsets are compared in any case.
pub async fn watch_fingerprints(settings: &Settings, health: &Health) -> LogMismatch {
    loop {
        tokio::time::sleep(INTERVAL).await;
        match check(settings).await {
            Err(Error::Mismatch(mismatch)) => return mismatch,
            Err(error) => tracing::debug!(%error, "the log cannot be verified at the moment"),
            Ok(unverified) => unverified.publish(health),
        }
    }
}

/// Compares once.
async fn check(settings: &Settings) -> Result<Unverified> {
    let session = settings.database.session("food-orders fingerprints", SessionKind::Short).await?;
    let recorded =
        views::builds::of_active(&session, async |active| active.build.fingerprints(&session).await).await?;
    let offsets: BTreeMap<_, _> =
        recorded.iter().filter_map(|(partition, print)| Some((*partition, offset(print)?))).collect();
    if offsets.is_empty() {
        return Ok(Unverified::default());
    }
    let kafka = settings.kafka.clone();
    let reading = tokio::task::spawn_blocking(move || fingerprints(&kafka, &offsets, READ_LIMIT));
    let task = |cause| Error::Task { attempt: "reading the records that were applied last", cause };
    let found = reading.await.map_err(task)??;
    compare(&settings.kafka.topic, &recorded, &found)?;
    Ok(Unverified::of(&found))
}

fn compare(
    topic: &str,
    recorded: &BTreeMap<Partition, String>,
    found: &BTreeMap<Partition, Fingerprint>,
) -> Result<(), LogMismatch> {
    for (partition, found) in found {
        let Fingerprint::Found(found) = found else { continue };
        if let Some(recorded) = recorded.get(partition).filter(|recorded| *recorded != found) {
            return Err(LogMismatch::WrittenAnew {
                topic: topic.to_owned(),
                partition: *partition,
                recorded: recorded.clone(),
                found: found.clone(),
            });
        }
    }
    Ok(())
}

/// A fingerprint begins with the offset of its record.
fn offset(fingerprint: &str) -> Option<Offset> {
    fingerprint.split(':').next()?.parse().ok().map(Offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_begins_with_its_offset() {
        assert_eq!(offset("12:1700000000000:00ff"), Some(Offset(12)));
        assert_eq!(offset("x"), None);
    }

    #[test]
    fn only_records_that_could_be_read_are_compared() {
        let found = |print: &str| Fingerprint::Found(print.to_owned());
        let recorded = [(Partition(0), "4:1:aa".to_owned()), (Partition(1), "9:1:bb".to_owned())].into();
        let same = [(Partition(0), Fingerprint::Gone), (Partition(1), found("9:1:bb"))].into();
        assert_eq!(compare("t", &recorded, &same), Ok(()));
        let other = [(Partition(0), found("4:2:cc")), (Partition(1), Fingerprint::Unanswered)].into();
        let mismatch = compare("t", &recorded, &other).unwrap_err().to_string();
        assert!(mismatch.contains("4:1:aa") && mismatch.contains("4:2:cc"), "{mismatch}");
    }
}
