//! The partitions of which a comparison of fingerprints says nothing.

use std::collections::BTreeSet;

use event_log::Fingerprint;
use orders::Partition;
use service::Health;

use crate::error::Error;
use crate::kafka_state::list;

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Unverified {
    /// The log no longer holds the record that was applied last, so only the ids and the offsets that it holds can
    /// tell whether it is the same log.
    gone: Vec<Partition>,
    /// The record that was applied last has not arrived.
    unanswered: BTreeSet<Partition>,
}

impl Unverified {
    pub fn before_answers(partitions: impl IntoIterator<Item = Partition>) -> Self {
        Self { gone: Vec::new(), unanswered: partitions.into_iter().collect() }
    }

    pub fn answered(&mut self, partition: Partition, answer: &Fingerprint) {
        self.unanswered.remove(&partition);
        if *answer == Fingerprint::Gone {
            self.gone.push(partition);
        }
    }

    pub fn has_unanswered(&self) -> bool {
        !self.unanswered.is_empty()
    }

    /// Says which records are missing, in the state of a consumer that waits for them.
    pub fn error(&self) -> Error {
        Error::LogUnverified { partitions: list(&self.unanswered) }
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
        if self.has_unanswered() {
            let partitions = list(&self.unanswered);
            detail.push(format!("the last applied record of partitions {partitions} has not arrived"));
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
        let mut unverified = Unverified::before_answers([0, 1, 2, 4].map(Partition));
        unverified.answered(Partition(0), &Fingerprint::Found("1:1:aa".into()));
        unverified.answered(Partition(1), &Fingerprint::Gone);
        assert_eq!(unverified.gone, [Partition(1)]);
        assert!(unverified.has_unanswered() && unverified.error().to_string().contains("partitions 2,4"));
        assert!(!Unverified::before_answers([]).has_unanswered());
        let health = Health::default();
        health.set_started();
        unverified.publish(&health);
        let ready = health.ready();
        assert!(ready.is_fine(), "deleted records are no fault");
        let detail = &ready.details["log"];
        assert!(detail.contains("partitions 1;") && detail.contains("partitions 2,4 has"), "{detail}");
    }
}
