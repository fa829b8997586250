//! The mark of a group: a text that stands with the group's committed offset of partition 0, where everybody
//! who may read the group's offsets sees it.
//!
//! Kafka takes offsets from members only, except while a group has no members: then anybody may commit.
//! So a program that has not joined learns by trying to set the mark whether the group has members, and
//! once the first member has joined, nobody but members can change the mark. This holds for both
//! protocols of groups.

mod committed;

use std::time::Duration;

use orders::{Partition, Position};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};

use crate::error::{Error, Result, missing_right};
use crate::quiet::{Quiet, reports};
use crate::settings::{GroupId, KafkaSettings};

/// The partition whose committed offset carries the mark. Every topic has it.
pub(crate) const MARKED: Partition = Partition(0);

/// A client that reads and sets the mark, and never joins the group. Its calls block.
pub struct GroupMark {
    consumer: BaseConsumer<Quiet>,
    topic: String,
}

/// What became of an attempt to set the mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetMark {
    Done,
    /// The group has members, so nothing was changed.
    GroupHasMembers,
}

impl GroupMark {
    pub fn new(settings: &KafkaSettings, group: &GroupId) -> Result<Self> {
        let mut config = settings.client_config("group");
        // These concern members. As one, Kafka would ask this client for its membership.
        for name in ["group.instance.id", "group.protocol", "group.remote.assignor"] {
            config.remove(name);
        }
        for (name, value) in [
            ("group.id", group.as_str()),
            ("enable.auto.commit", "false"),
            // A commit waits for this long for a group coordinator that is away.
            ("session.timeout.ms", "6000"),
        ] {
            config.set(name, value);
        }
        let consumer = config
            .create_with_context(Quiet::default())
            .map_err(Error::during("setting up a Kafka client"))?;
        Ok(Self { consumer, topic: settings.topic.clone() })
    }

    /// The mark; `None` if the group has none. Bytes that are not UTF-8 are replaced.
    pub fn read(&self, timeout: Duration) -> Result<Option<String>> {
        committed::metadata(self.consumer.client(), &self.topic, MARKED, timeout)
            .map_err(|error| Error::during("reading the group's offsets")(self.denial().unwrap_or(error)))
    }

    /// A right that is missing. The call itself ends with a time-out then, because librdkafka goes on looking for
    /// the group's coordinator.
    fn denial(&self) -> Option<KafkaError> {
        let denial = |error: &KafkaError| error.rdkafka_error_code().and_then(missing_right).is_some();
        reports(&self.consumer).find(denial)
    }

    /// Sets the mark beside `position` of partition 0, unless the group has members.
    pub fn set(&self, mark: &str, position: Position) -> Result<SetMark> {
        let mut list = TopicPartitionList::new();
        add(&mut list, &self.topic, MARKED, position, mark)
            .map_err(Error::during("choosing the offset to mark"))?;
        match self.consumer.commit(&list, CommitMode::Sync) {
            Ok(()) => Ok(SetMark::Done),
            Err(error) if error.rdkafka_error_code().is_some_and(is_of_members) => {
                Ok(SetMark::GroupHasMembers)
            }
            Err(error) => Err(Error::during("marking the group's offsets")(error)),
        }
    }
}

/// Adds an offset to commit, with the mark.
pub(crate) fn add(
    list: &mut TopicPartitionList,
    topic: &str,
    partition: Partition,
    position: Position,
    mark: &str,
) -> std::result::Result<(), KafkaError> {
    list.add_partition_offset(topic, partition.0, Offset::Offset(position.0))?;
    if let Some(mut element) = list.find_partition(topic, partition.0) {
        element.set_metadata(mark);
    }
    Ok(())
}

/// Kafka's answers to a commit of somebody who is not a member of a group that has members.
fn is_of_members(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as C;
    matches!(code, C::UnknownMemberId | C::IllegalGeneration | C::RebalanceInProgress | C::StaleMemberEpoch)
}
