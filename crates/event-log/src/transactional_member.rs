//! A member of a group that consumes, transforms and produces: the records that it writes and the offsets that it has read up
//! to are committed in one Kafka transaction.
//!
//! One thread owns it; its calls block. A rebalance is not answered inside a callback: [`TransactionalMember::poll`] returns
//! it, the owner commits or aborts first, and then answers it. Kafka takes offsets only from a current member of the group, so
//! a member that has lost its place cannot commit, whatever it believes.

mod rebalances;
mod transaction;

use std::collections::BTreeMap;
use std::time::Duration;

use orders::{Partition, Position};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};

use crate::bootstrap::Bootstrap;
use crate::error::{Error, Result, is_passing};
use crate::group_generation::group_generation;
use crate::incoming::{Incoming, Receiver};
use crate::owned_record::OwnedRecord;
use crate::record_writer::NewRecord;
use crate::settings::KafkaSettings;
use rebalances::{Rebalance, Rebalances};
pub use transaction::Committed;
use transaction::Transaction;

/// A partition of one of several topics.
pub type TopicPartition = (String, Partition);

/// What a poll returns.
#[derive(Debug)]
pub enum MemberStep {
    /// A record of a partition that is read.
    Record(OwnedRecord),
    /// Answer with [`TransactionalMember::read_from`]. Nothing is read before.
    Assigned(Vec<TopicPartition>),
    /// All partitions are taken away: end the transaction, then answer with [`TransactionalMember::release`]. The group waits
    /// for it. `lost`: other members may have them already, so nothing can be committed.
    Revoked { lost: bool },
    /// Nothing came in time.
    Nothing,
}

/// See the module.
pub struct TransactionalMember {
    receiver: Receiver<Rebalances>,
    bootstrap: Bootstrap,
    transaction: Transaction,
}

impl TransactionalMember {
    /// Ends what an earlier process has left open under the same `transactional_id`, shuts that process out, and joins the
    /// group. Waits for the broker for at most 30 s.
    pub fn join(
        consumer: &KafkaSettings,
        producer: &KafkaSettings,
        group_id: &str,
        transactional_id: &str,
        topics: &[&str],
    ) -> Result<Self> {
        // Before it joins, since the offsets of a group count only once the transactions that hold them have ended.
        let transaction = Transaction::init(producer, transactional_id)?;
        let config = consumer.transactional_member_config(group_id);
        let consumer: BaseConsumer<Rebalances> = config
            .create_with_context(Rebalances::default())
            .map_err(Error::during("setting up the consumer"))?;
        consumer.subscribe(topics).map_err(Error::during("subscribing to the topics"))?;
        Ok(Self { receiver: Receiver::new(consumer), bootstrap: Bootstrap::of(&config), transaction })
    }

    /// Waits for at most `wait`. Must be called at least every 5 minutes (`max.poll.interval.ms`).
    pub fn poll(&mut self, wait: Duration) -> Result<MemberStep> {
        match self.receiver.poll(wait) {
            Some(Incoming::Record(message)) => return Ok(MemberStep::Record(OwnedRecord::of(&message))),
            Some(Incoming::Failed { error, .. }) => self.report(error)?,
            Some(Incoming::End(..)) => {}
            None => {
                self.bootstrap.give_again(self.consumer().client());
                self.transaction.recover();
            }
        }
        Ok(match self.consumer().context().take() {
            Some(Rebalance::Assigned(partitions)) => MemberStep::Assigned(partitions),
            Some(Rebalance::Revoked) => MemberStep::Revoked { lost: self.consumer().assignment_lost() },
            None => MemberStep::Nothing,
        })
    }

    /// The offsets that the group has committed: the next to read. A partition that has none yet is left out. Waits until no
    /// transaction that holds an offset of these partitions is open, for at most `timeout`.
    pub fn committed(
        &self,
        partitions: &[TopicPartition],
        timeout: Duration,
    ) -> Result<BTreeMap<TopicPartition, Position>> {
        let mut list = TopicPartitionList::new();
        for (topic, partition) in partitions {
            list.add_partition(topic, partition.0);
        }
        let attempt = Error::during("reading the group's offsets");
        let answer = self.consumer().committed_offsets(list, timeout).map_err(&attempt)?;
        let mut committed = BTreeMap::new();
        for element in answer.elements() {
            element.error().map_err(&attempt)?;
            if let Offset::Offset(offset) = element.offset() {
                committed
                    .insert((element.topic().to_owned(), Partition(element.partition())), Position(offset));
            }
        }
        Ok(committed)
    }

    /// Reads these partitions from these positions on, and no others: the answer to an assignment, and the way back after
    /// an aborted transaction.
    pub fn read_from(&mut self, positions: &BTreeMap<TopicPartition, Position>) -> Result<()> {
        let list = offsets(positions)?;
        self.consumer().assign(&list).map_err(Error::during("assigning partitions"))
    }

    /// Answers a revocation.
    pub fn release(&mut self) -> Result<()> {
        self.consumer().unassign().map_err(Error::during("giving partitions up"))
    }

    /// Writes a record. The first one begins a transaction.
    pub fn write(&mut self, record: &NewRecord<'_>) -> Result<()> {
        self.transaction.write(record)
    }

    /// Commits what was written, and that the records below these positions are done. Unless it returns
    /// [`Committed::Yes`], nothing of it has happened, and the owner has to go back to [`Self::committed`].
    pub fn commit(&mut self, done: &BTreeMap<TopicPartition, Position>) -> Result<Committed> {
        if done.is_empty() && !self.transaction.is_open() {
            return Ok(Committed::Yes);
        }
        let offsets = offsets(done)?;
        let member = self.consumer().group_metadata();
        // The broker takes offsets without a generation from anybody, even if the group has members. The client may have lost its
        // place before a poll tells the owner so; until then it cannot have got another one.
        match member.filter(|_| group_generation(self.consumer().client()) >= 1) {
            Some(member) => self.transaction.commit(&offsets, &member),
            None => self.transaction.abort("the member has lost its place in the group".to_owned()),
        }
    }

    /// Undoes what was written since the last commit.
    pub fn abort(&mut self, why: &str) -> Result<Committed> {
        self.transaction.abort(why.to_owned())
    }

    /// Leaves the group. What is not committed is undone.
    pub fn leave(mut self) -> Result<()> {
        self.transaction.abort("the process ends".to_owned())?;
        Ok(())
    }

    fn consumer(&self) -> &BaseConsumer<Rebalances> {
        self.receiver.consumer()
    }

    /// Warns of an error from which librdkafka recovers on its own. Any other error ends the reading.
    fn report(&self, error: KafkaError) -> Result<()> {
        self.bootstrap.note(&error);
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::FencedInstanceId) => Err(Error::FencedInstance),
            Some(RDKafkaErrorCode::UnreleasedInstanceId) => Err(Error::UnreleasedInstance),
            Some(code) if is_passing(code) => {
                tracing::warn!(%error, "Kafka reports an error; waiting for it to recover");
                Ok(())
            }
            _ => Err(Error::while_reading("reading a topic", error)),
        }
    }
}

impl Drop for TransactionalMember {
    fn drop(&mut self) {
        // The client waits for an answer to its last rebalance.
        self.consumer().context().close(self.consumer());
    }
}

impl std::fmt::Debug for TransactionalMember {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TransactionalMember").finish_non_exhaustive()
    }
}

fn offsets(positions: &BTreeMap<TopicPartition, Position>) -> Result<TopicPartitionList> {
    let mut list = TopicPartitionList::new();
    for ((topic, partition), position) in positions {
        list.add_partition_offset(topic, partition.0, Offset::Offset(position.0))
            .map_err(Error::during("naming offsets"))?;
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use rdkafka::mocking::MockCluster;
    use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

    use super::*;

    const SOON: Duration = Duration::from_secs(30);
    const TURN: Duration = Duration::from_millis(50);

    fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
        let began = Instant::now();
        while !is_so() {
            assert!(began.elapsed() < SOON, "{what}");
            // Nothing says when it becomes so.
            std::thread::sleep(TURN);
        }
    }

    /// A broker takes such offsets even while the group has members: from a member without a place, for partitions that others own.
    #[test]
    fn a_member_that_has_lost_its_place_commits_nothing_before_a_poll_says_so() {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("t", 1, 1).unwrap();
        let settings = KafkaSettings::new(&cluster.bootstrap_servers(), "t");
        let mut member = TransactionalMember::join(&settings, &settings, "g", "id", &["t"]).unwrap();
        wait_until("it gets no partition", || match member.poll(TURN).unwrap() {
            MemberStep::Assigned(partitions) => {
                let positions = partitions.into_iter().map(|one| (one, Position::START)).collect();
                member.read_from(&positions).unwrap();
                true
            }
            _ => false,
        });
        let done = [(("t".to_owned(), Partition(0)), Position(1))].into();
        let record = NewRecord { topic: "t", partition: Some(Partition(0)), key: None, value: b"v" };
        member.write(&record).unwrap();
        assert_eq!(member.commit(&done).unwrap(), Committed::Yes);
        member.write(&record).unwrap();
        cluster.request_errors(
            RDKafkaApiKey::Heartbeat,
            &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION],
        );
        wait_until("it keeps its place", || group_generation(member.consumer().client()) < 1);
        let Committed::RolledBack(why) = member.commit(&done).unwrap() else { panic!("it was committed") };
        assert!(why.contains("lost its place"), "{why}");
        assert_eq!(member.commit(&BTreeMap::new()).unwrap(), Committed::Yes, "nothing is left to commit");
    }
}
