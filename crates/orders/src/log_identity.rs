//! Which log the positions belong to. A position is meaningful in one log only.

/// The log that the tables of a build were made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogIdentity {
    /// The id that the Kafka cluster was formatted with.
    pub cluster_id: String,
    pub topic: String,
    /// The id that the topic was given when it was created; `None` if the broker does not report it.
    pub topic_id: Option<String>,
    /// At least 1. The number may grow, so it is not compared.
    pub partitions: i32,
}

/// Why a log is not the one that was recorded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OtherLog {
    #[error("the tables were made from topic {recorded}, but this is topic {found}")]
    Topic { recorded: String, found: String },
    #[error("the tables were made from topic {topic} of cluster {recorded}, but this is cluster {found}")]
    Cluster { topic: String, recorded: String, found: String },
    #[error(
        "topic {topic} was deleted and created again: the tables were made from the topic with id {recorded}, but this \
         one has id {found}"
    )]
    CreatedAnew { topic: String, recorded: String, found: String },
}

impl LogIdentity {
    /// Why this cannot be the log that was `recorded`; `None` if it can. An unknown id is not compared.
    #[must_use]
    pub fn conflict_with(&self, recorded: &Self) -> Option<OtherLog> {
        let topic = self.topic.clone();
        if recorded.topic != topic {
            return Some(OtherLog::Topic { recorded: recorded.topic.clone(), found: topic });
        }
        if recorded.cluster_id != self.cluster_id {
            let (recorded, found) = (recorded.cluster_id.clone(), self.cluster_id.clone());
            return Some(OtherLog::Cluster { topic, recorded, found });
        }
        match (&recorded.topic_id, &self.topic_id) {
            (Some(recorded), Some(found)) if recorded != found => {
                let (recorded, found) = (recorded.clone(), found.clone());
                Some(OtherLog::CreatedAnew { topic, recorded, found })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(cluster: &str, topic: &str, id: Option<&str>, partitions: i32) -> LogIdentity {
        LogIdentity {
            cluster_id: cluster.into(),
            topic: topic.into(),
            topic_id: id.map(str::to_owned),
            partitions,
        }
    }

    #[test]
    fn a_log_with_another_id_is_another_log() {
        let recorded = log("c", "t", Some("i"), 6);
        for (found, word) in [
            (log("d", "t", Some("i"), 6), "cluster d"),
            (log("c", "u", Some("i"), 6), "topic u"),
            (log("c", "t", Some("j"), 6), "created again"),
        ] {
            let conflict = found.conflict_with(&recorded).unwrap();
            assert!(conflict.to_string().contains(word), "{conflict}");
        }
        for same in [log("c", "t", None, 6), log("c", "t", Some("i"), 7)] {
            assert_eq!(same.conflict_with(&recorded), None);
        }
    }
}
