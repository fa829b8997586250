//! Is the record that was applied last still what the log holds at its place? If not,
//! the log was cut off and written anew: positions look right and are not.

use std::collections::BTreeMap;
use std::time::Duration;

use event_log::fingerprints;
use orders::{Offset, Partition};
use service::{Exit, Failure};
use views::{Session, SessionKind};

use crate::settings::Settings;

const INTERVAL: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(5);

/// Compares the last applied record of every partition with the log, once.
pub async fn check(settings: &Settings, session: &Session) -> Result<(), Failure> {
    let active = views::builds::active(session).await?;
    let recorded = active.build.fingerprints(session).await?;
    let offsets: BTreeMap<_, _> =
        recorded.iter().filter_map(|(partition, print)| Some((*partition, offset(print)?))).collect();
    if offsets.is_empty() {
        return Ok(());
    }
    let kafka = settings.kafka.clone();
    let asked = tokio::task::spawn_blocking(move || fingerprints(&kafka, &offsets, PATIENCE));
    // Whoever reads learns of a broker that is away; ids and end offsets are checked anyway.
    let Ok(found) = asked.await? else { return Ok(()) };
    let unverified: Vec<_> = recorded.keys().filter(|partition| !found.contains_key(partition)).collect();
    metrics::gauge!("food_orders_unverified_partitions").set(unverified.len() as f64);
    if !unverified.is_empty() {
        tracing::debug!(
            ?unverified,
            "unverified: the log does not hold the last applied record any more, or no broker answered"
        );
    }
    for (partition, now) in &found {
        if let Some(then) = recorded.get(partition).filter(|then| *then != now) {
            return Err(Failure::new(
                Exit::LogIdentity,
                conflict(&settings.kafka.topic, *partition, then, now),
            ));
        }
    }
    Ok(())
}

/// Again and again; returns only with a failure.
pub async fn watch(settings: &Settings) -> Failure {
    loop {
        tokio::time::sleep(INTERVAL).await;
        let Ok(session) = settings.database.session("food-orders fingerprints", SessionKind::Short).await
        else {
            continue;
        };
        match check(settings, &session).await {
            Err(failure) if failure.exit == Exit::LogIdentity => return failure,
            Err(failure) => tracing::debug!(reason = failure.message, "the log cannot be verified now"),
            Ok(()) => {}
        }
    }
}

/// A fingerprint begins with its record's offset.
fn offset(fingerprint: &str) -> Option<Offset> {
    fingerprint.split(':').next()?.parse().ok().map(Offset)
}

fn conflict(topic: &str, partition: Partition, then: &str, now: &str) -> String {
    format!(
        "topic {topic}, partition {partition}: the record that was applied last (offset:time:hash {then}) is another \
         one now ({now}): the log was truncated and written anew (an unclean leader election, or a restored broker); \
         rebuild from the log as it is now with an empty database, or point KAFKA_BOOTSTRAP_SERVERS at the log that \
         this database was made from"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_begins_with_its_offset() {
        assert_eq!(offset("12:1700000000000:00ff"), Some(Offset(12)));
        assert_eq!(offset("x"), None);
    }
}
