//! The partitions of which a comparison of fingerprints says nothing.

use std::collections::BTreeMap;

use event_log::Fingerprint;
use orders::Partition;
use service::Health;

use crate::kafka_state::list;

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Unverified {
    /// The log no longer holds the record that was applied last, so only the ids and the offsets that it holds can
    /// tell whether it is the same log.
    gone: Vec<Partition>,
    /// No broker answered.
    unanswered: Vec<Partition>,
}

impl Unverified {
    pub fn of(answers: &BTreeMap<Partition, Fingerprint>) -> Self {
        let with = |wanted: Fingerprint| {
            answers.iter().filter(|(_, answer)| **answer == wanted).map(|(partition, _)| *partition).collect()
        };
        Self { gone: with(Fingerprint::Gone), unanswered: with(Fingerprint::Unanswered) }
    }

    /// The partitions for which no broker answered, as text; `None`: there are none.
    pub fn unanswered(&self) -> Option<String> {
        (!self.unanswered.is_empty()).then(|| list(&self.unanswered))
    }

    /// Shows the partitions in the metric and in the detail of the check `log`. That check passes: a log whose old
    /// records were deleted can still be read.
    pub fn publish(&self, health: &Health) {
        let partitions = self.gone.len() + self.unanswered.len();
        metrics::gauge!("food_orders_unverified_partitions").set(partitions as f64);
        let mut detail = Vec::new();
        if !self.gone.is_empty() {
            detail.push(format!(
                "the log no longer holds the last applied record of partitions {}",
                list(&self.gone)
            ));
        }
        if let Some(partitions) = self.unanswered() {
            detail.push(format!("no broker answered for partitions {partitions}"));
        }
        health.set("log", Ok::<(), String>(()));
        let is_verified = detail.is_empty();
        health.set_detail("log", (!is_verified).then(|| format!("unverified: {}", detail.join("; "))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_tells_deleted_records_from_missing_answers() {
        let answers = [
            (Partition(0), Fingerprint::Found("1:1:aa".into())),
            (Partition(1), Fingerprint::Gone),
            (Partition(2), Fingerprint::Unanswered),
            (Partition(4), Fingerprint::Unanswered),
        ];
        let unverified = Unverified::of(&answers.into());
        assert_eq!(unverified.gone, [Partition(1)]);
        assert_eq!(unverified.unanswered().as_deref(), Some("2,4"));
        assert_eq!(Unverified::default().unanswered(), None);
        let health = Health::default();
        health.set_started();
        unverified.publish(&health);
        let ready = health.ready();
        assert!(ready.is_fine(), "deleted records are no fault");
        let detail = &ready.details["log"];
        assert!(detail.contains("partitions 1;") && detail.ends_with("partitions 2,4"), "{detail}");
    }
}
