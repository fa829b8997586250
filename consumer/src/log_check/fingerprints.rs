//! Compares the record that was applied last in each partition with the one that the log holds at
//! its offset now.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use event_log::{Fingerprint, Fingerprints};
use orders::{Offset, Partition};
use retry::{Throttle, retry};
use service::Health;
use tokio::time::timeout;
use views::SessionKind;

use super::unverified::Unverified;
use crate::error::{Error, Result};
use crate::log_mismatch::LogMismatch;
use crate::settings::Settings;

const INTERVAL: Duration = Duration::from_secs(10);
/// For how many times as long as a comparison took the link is left alone, because a large batch holds up a slow link;
/// and for how long at most, because the wait may have been for a server that was away.
const REST: u32 = 20;
const LONGEST_REST: Duration = Duration::from_secs(300);
/// How soon a record that has not arrived is reported as missing.
const REPORT_AFTER: Duration = Duration::from_secs(5);
/// How long a comparison in the background waits for what does not arrive, before it looks at all partitions again:
/// at first, and at most. The limit grows, so that a batch that takes longer arrives in the end.
const WATCH_LIMIT: Duration = Duration::from_secs(60);
const LONGEST_WATCH_LIMIT: Duration = Duration::from_secs(480);

/// Compares before the group is joined, and waits for records that do not arrive: the next batch replaces the
/// fingerprint of the record that was applied last, and with it the only evidence of a log that was truncated
/// and written again.
pub async fn verify_fingerprints(settings: &Settings, health: &Health) -> Result<()> {
    retry("Kafka", Error::is_passing, || verify_once(settings, health)).await
}

async fn verify_once(settings: &Settings, health: &Health) -> Result<()> {
    let mut warnings = Throttle::default();
    let mut comparison = Comparison::start(settings).await?;
    while !comparison.proceed().await? {
        let error = comparison.unverified.error();
        if settings.accepts_unverified_log {
            tracing::warn!(%error, "going on all the same, as --accept-unverified-log says");
            break;
        }
        if warnings.is_due() {
            tracing::warn!(%error, "waiting for Kafka");
        }
        health.set("log", Err(error.to_string()));
    }
    comparison.unverified.publish(health);
    Ok(())
}

/// Compares every 10 s, or more rarely if that takes long, and returns only with a mismatch. A comparison that fails
/// is repeated: a broker that is away is noticed by others, and ids and end offsets are compared in any case.
pub async fn watch_fingerprints(settings: &Settings, health: &Health) -> LogMismatch {
    let (mut pause, mut limit) = (INTERVAL, WATCH_LIMIT);
    loop {
        tokio::time::sleep(pause).await;
        let began = Instant::now();
        (pause, limit) = match timeout(limit, compare_all(settings, health)).await {
            Ok(Ok(())) => (pause_after(began.elapsed()), WATCH_LIMIT),
            Ok(Err(Error::Mismatch(mismatch))) => return mismatch,
            Ok(Err(error)) => {
                tracing::debug!(%error, "the log cannot be verified at the moment");
                (INTERVAL, limit)
            }
            Err(_) => (INTERVAL, LONGEST_WATCH_LIMIT.min(2 * limit)),
        };
    }
}

async fn compare_all(settings: &Settings, health: &Health) -> Result<()> {
    let mut comparison = Comparison::start(settings).await?;
    loop {
        let is_complete = comparison.proceed().await?;
        comparison.unverified.publish(health);
        if is_complete {
            return Ok(());
        }
    }
}

/// The pause after a comparison that took so long.
fn pause_after(took: Duration) -> Duration {
    took.saturating_mul(REST).clamp(INTERVAL, LONGEST_REST)
}

/// One look at all partitions.
struct Comparison {
    topic: String,
    recorded: BTreeMap<Partition, String>,
    reading: Fingerprints,
    unverified: Unverified,
}

impl Comparison {
    async fn start(settings: &Settings) -> Result<Self> {
        let session = settings.database.session("food-orders fingerprints", SessionKind::Short).await?;
        let recorded =
            views::builds::of_active(&session, async |active| active.build.fingerprints(&session).await)
                .await?;
        let offsets: BTreeMap<_, _> =
            recorded.iter().filter_map(|(partition, print)| Some((*partition, offset(print)?))).collect();
        let unverified = Unverified::before_answers(offsets.keys().copied());
        let reading = Fingerprints::start(&settings.kafka, offsets)?;
        Ok(Self { topic: settings.kafka.topic.clone(), recorded, reading, unverified })
    }

    /// Compares the records as they arrive. Returns whether all partitions are answered for; `false` if nothing
    /// has arrived for 5 s.
    async fn proceed(&mut self) -> Result<bool> {
        while self.unverified.has_unanswered() {
            let Ok(answer) = timeout(REPORT_AFTER, self.reading.next()).await else { return Ok(false) };
            let (partition, found) = answer.ok_or_else(|| self.unverified.error())??;
            compare(&self.topic, &self.recorded, partition, &found)?;
            self.unverified.answered(partition, &found);
        }
        Ok(true)
    }
}

fn compare(
    topic: &str,
    recorded: &BTreeMap<Partition, String>,
    partition: Partition,
    found: &Fingerprint,
) -> Result<(), LogMismatch> {
    let Fingerprint::Found(found) = found else { return Ok(()) };
    match recorded.get(&partition).filter(|recorded| *recorded != found) {
        None => Ok(()),
        Some(recorded) => Err(LogMismatch::WrittenAnew {
            topic: topic.to_owned(),
            partition,
            recorded: recorded.clone(),
            found: found.clone(),
        }),
    }
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
        assert_eq!(compare("t", &recorded, Partition(0), &Fingerprint::Gone), Ok(()));
        assert_eq!(compare("t", &recorded, Partition(1), &found("9:1:bb")), Ok(()));
        let mismatch = compare("t", &recorded, Partition(0), &found("4:2:cc")).unwrap_err().to_string();
        assert!(mismatch.contains("4:1:aa") && mismatch.contains("4:2:cc"), "{mismatch}");
    }

    #[test]
    fn what_a_comparison_costs_puts_the_next_one_off() {
        assert_eq!(pause_after(Duration::from_millis(20)), INTERVAL);
        assert_eq!(pause_after(Duration::from_secs(10)), Duration::from_secs(200));
        assert_eq!(pause_after(Duration::from_secs(3600)), LONGEST_REST);
    }
}
