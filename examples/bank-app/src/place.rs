//! Where Kafka is, and what the topics, the group and the transactional ids are called there.

use event_log::{KafkaSettings, LogClient, TopicSpec, ensure_topic, topic_name};
use service::{Exit, Failure, Invalid};
use std::time::Duration;

use crate::topic::Topic;
use crate::topic_settings;

const REQUEST_LIMIT: Duration = Duration::from_secs(10);

#[derive(Clone, Debug)]
pub struct Place {
    pub kafka: KafkaSettings,
    prefix: String,
}

impl Place {
    pub fn new(kafka: KafkaSettings, prefix: &str) -> Result<Self, Invalid> {
        let place = Self { kafka, prefix: prefix.to_owned() };
        for topic in Topic::ALL {
            topic_name("BANK_PREFIX", &place.topic(topic))?;
        }
        Ok(place)
    }

    pub fn topic(&self, topic: Topic) -> String {
        format!("{}{}", self.prefix, topic.base_name())
    }

    pub fn kafka_of(&self, topic: Topic) -> KafkaSettings {
        self.kafka.of_topic(&self.topic(topic))
    }

    /// Also the beginning of the transactional ids.
    pub fn group(&self) -> String {
        format!("{}bank-app", self.prefix)
    }

    /// Creates the topics that do not exist, refuses those that cannot be used, and returns how many partitions each of them has.
    pub async fn ensure_topics(&self, partitions: i32) -> Result<i32, Failure> {
        let (mut counts, mut problems) = (Vec::new(), Vec::new());
        for topic in Topic::ALL {
            let spec = TopicSpec { partitions, compacted: topic.is_compacted(), ..TopicSpec::default() };
            let (name, state) = (self.topic(topic), ensure_topic(&self.kafka_of(topic), &spec).await?);
            problems.extend(topic_settings::problem(topic, &name, &state));
            for warning in topic_settings::warnings(topic, &name, &state) {
                tracing::warn!("{warning}");
            }
            counts.push((topic, i32::try_from(state.partitions).unwrap_or(i32::MAX)));
        }
        if problems.is_empty() {
            self.agreed(&counts)
        } else {
            Err(Failure::new(Exit::Usage, problems.join(". ")))
        }
    }

    /// The same for a client, which creates nothing and needs the inputs only. Blocks.
    pub fn partitions(&self) -> Result<i32, Failure> {
        let mut counts = Vec::new();
        for topic in Topic::INPUTS {
            let partitions = LogClient::new(&self.kafka_of(topic))?.partitions(REQUEST_LIMIT)?.len();
            if partitions == 0 {
                let name = self.topic(topic);
                let message = format!("topic {name} does not exist; `bank-app run` creates it");
                return Err(Failure::new(Exit::Unexpected, message));
            }
            counts.push((topic, i32::try_from(partitions).unwrap_or(i32::MAX)));
        }
        self.agreed(&counts)
    }

    /// An account is in the same partition of every topic only if all have the same number of them.
    fn agreed(&self, counts: &[(Topic, i32)]) -> Result<i32, Failure> {
        match counts.first() {
            Some((_, first)) if counts.iter().all(|(_, count)| count == first) => Ok(*first),
            _ => {
                let list: Vec<_> = counts
                    .iter()
                    .map(|(topic, count)| format!("{} has {count}", self.topic(*topic)))
                    .collect();
                let message = format!(
                    "the topics must have the same number of partitions, because an account is in the same partition of \
                     each, but {}; delete and recreate them, or copy them into topics with the same number",
                    list.join(", ")
                );
                Err(Failure::new(Exit::Usage, message))
            }
        }
    }
}
