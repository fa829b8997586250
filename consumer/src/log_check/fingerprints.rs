//! Compares the record that was applied last in each partition with the one that the log holds at
//! its offset now.

use std::collections::BTreeMap;
use std::time::Duration;

use event_log::{Fingerprint, fingerprints};
use orders::{Offset, Partition};
use views::{Session, SessionKind};

use crate::error::{Error, Result};
use crate::log_mismatch::LogMismatch;
use crate::settings::Settings;

const INTERVAL: Duration = Duration::from_secs(10);
/// How long the records may take to arrive.
const READ_LIMIT: Duration = Duration::from_secs(5);

/// Compares once. Partitions whose record cannot be read are only counted as unverified: the polling
/// thread notices a broker that is away, and ids and end offsets are compared in any case.
pub async fn check_fingerprints(settings: &Settings, session: &Session) -> Result<()> {
    let active = views::builds::active(session).await?;
    let recorded = active.build.fingerprints(session).await?;
    let offsets: BTreeMap<_, _> =
        recorded.iter().filter_map(|(partition, print)| Some((*partition, offset(print)?))).collect();
    if offsets.is_empty() {
        return Ok(());
    }
    let kafka = settings.kafka.clone();
    let reading = tokio::task::spawn_blocking(move || fingerprints(&kafka, &offsets, READ_LIMIT));
    let task = |cause| Error::Task { attempt: "reading the records that were applied last", cause };
    let Ok(found) = reading.await.map_err(task)? else { return Ok(()) };
    let is_found = |partition: &&Partition| matches!(found.get(partition), Some(Fingerprint::Found(_)));
    let unverified: Vec<_> = recorded.keys().filter(|partition| !is_found(partition)).collect();
    metrics::gauge!("food_orders_unverified_partitions").set(unverified.len() as f64);
    if !unverified.is_empty() {
        tracing::debug!(
            ?unverified,
            "not verified: the log no longer holds the record that was applied last, or no broker answered"
        );
    }
    Ok(compare(&settings.kafka.topic, &recorded, &found)?)
}

/// Compares every 10 s, and returns only with a mismatch. A comparison that fails is repeated.
pub async fn watch_fingerprints(settings: &Settings) -> LogMismatch {
    loop {
        tokio::time::sleep(INTERVAL).await;
        let session = settings.database.session("food-orders fingerprints", SessionKind::Short).await;
        let Ok(session) = session else { continue };
        match check_fingerprints(settings, &session).await {
            Err(Error::Mismatch(mismatch)) => return mismatch,
            Err(error) => tracing::debug!(%error, "the log cannot be verified at the moment"),
            Ok(()) => {}
        }
    }
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
