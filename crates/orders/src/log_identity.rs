//! Which log it is. Positions mean something in one log only.

/// What a database was made from, and has to go on with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogIdentity {
    /// The id that the Kafka cluster was formatted with.
    pub cluster_id: String,
    pub topic: String,
    /// The id that the topic was given when it was created; `None` where it cannot be had.
    pub topic_id: Option<String>,
    /// May grow.
    pub partitions: i32,
}

impl LogIdentity {
    /// Why this cannot be the log that was `recorded`, in words for a person.
    #[must_use]
    pub fn conflict_with(&self, recorded: &Self) -> Option<String> {
        let topic = &self.topic;
        if recorded.topic != *topic {
            return Some(format!(
                "the tables were made from topic {}, this is topic {topic}",
                recorded.topic
            ));
        }
        if recorded.cluster_id != self.cluster_id {
            return Some(format!(
                "the tables were made from topic {topic} of cluster {}, this is cluster {}",
                recorded.cluster_id, self.cluster_id
            ));
        }
        match (&recorded.topic_id, &self.topic_id) {
            (Some(then), Some(now)) if then != now => Some(format!(
                "topic {topic} was deleted and created anew: the tables were made from the one with id {then}, this \
                 one's id is {now}"
            )),
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
    fn each_id_that_differs_is_another_log() {
        let recorded = log("c", "t", Some("i"), 6);
        for (now, word) in [
            (log("d", "t", Some("i"), 6), Some("cluster d")),
            (log("c", "u", Some("i"), 6), Some("topic u")),
            (log("c", "t", Some("j"), 6), Some("created anew")),
            (log("c", "t", None, 6), None),
            (log("c", "t", Some("i"), 7), None),
        ] {
            let conflict = now.conflict_with(&recorded);
            assert_eq!(conflict.is_some(), word.is_some(), "{now:?}");
            assert!(conflict.unwrap_or_default().contains(word.unwrap_or_default()), "{now:?}");
        }
    }
}
