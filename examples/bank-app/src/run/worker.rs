//! The loop of an instance. The accounts in its memory are those of the last committed transaction, plus the open one. When
//! that cannot be committed, they are wrong, and are restored together with the positions.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use event_log::{
    Committed, LogClient, MemberStep, NewRecord, OwnedRecord, Partition, Position, TopicPartition,
    TransactionalMember,
};
use retry::{Backoff, Throttle};
use service::{Exit, Failure, Shell};
use tokio::runtime::Handle;

use crate::args::RunSettings;
use crate::batch::Batch;
use crate::exit::failure;
use crate::input::Input;
use crate::json;
use crate::ledger::Ledger;
use crate::place::Place;
use crate::positions::{self, Positions};
use crate::restore::{RestoreError, Restored, of_each, restore};
use crate::shard::Shard;
use crate::start::start;
use crate::topic::{Topic, TopicNames};

const REQUEST_LIMIT: Duration = Duration::from_secs(5);

pub struct Worker {
    place: Place,
    shell: Shell,
    runtime: Handle,
    partitions: i32,
    member: TransactionalMember,
    ledger: Ledger,
    batch: Batch,
    assigned: Vec<TopicPartition>,
    /// The accounts and the positions are not those of the last committed transaction.
    is_stale: bool,
    backoff: Backoff,
    warnings: Throttle,
    topics: TopicNames,
}

impl Worker {
    pub fn join(
        place: Place,
        settings: &RunSettings,
        partitions: i32,
        shell: Shell,
        runtime: Handle,
    ) -> Result<Self, Failure> {
        let (group, inputs) = (place.group(), Topic::INPUTS.map(|topic| place.topic(topic)));
        let transactional_id = format!("{group}-{}", settings.instance);
        let member = TransactionalMember::join(
            &settings.consumer,
            &settings.producer,
            &group,
            &transactional_id,
            &inputs.each_ref().map(String::as_str),
        )
        .map_err(failure)?;
        Ok(Self {
            topics: TopicNames::new(|topic| place.topic(topic)),
            place,
            shell,
            runtime,
            partitions,
            member,
            ledger: Ledger::new(settings.rules, partitions),
            batch: Batch::new(settings.batch_records, settings.batch_age),
            assigned: Vec::new(),
            is_stale: false,
            backoff: Backoff::default(),
            warnings: Throttle::default(),
        })
    }

    /// Works until a signal.
    pub fn work(mut self) -> Result<(), Failure> {
        while !self.shell.stop.is_cancelled() {
            if self.is_stale {
                self.recover()?;
            }
            match self.member.poll(self.batch.wait()).map_err(failure)? {
                // It was read before the transaction was rolled back, and will be read again.
                MemberStep::Record(_) if self.is_stale => {}
                MemberStep::Record(record) => self.apply(&record)?,
                MemberStep::Assigned(partitions) => self.assigned(partitions)?,
                MemberStep::Revoked { lost } => self.revoked(lost)?,
                MemberStep::Nothing => {}
            }
            if self.batch.is_due() {
                self.commit()?;
            }
        }
        if !self.is_stale {
            self.commit()?;
        }
        self.member.leave().map_err(failure)
    }

    fn apply(&mut self, record: &OwnedRecord) -> Result<(), Failure> {
        let input = Input::of(record);
        let is_request = record.topic == self.topics.of(Topic::TransactionRequests);
        let outputs = if is_request { self.ledger.request(&input)? } else { self.ledger.update(&input)? };
        for output in outputs {
            let written = NewRecord {
                topic: self.topics.of(output.topic),
                partition: Some(output.partition),
                key: output.key.as_ref().map(|key| key.as_bytes()),
                value: &output.value,
            };
            self.member.write(&written).map_err(failure)?;
        }
        self.batch.add(record);
        Ok(())
    }

    /// The positions are part of the state.
    fn write_positions(&mut self) -> Result<(), Failure> {
        let partitions: BTreeSet<_> = self.batch.done().keys().map(|(_, partition)| *partition).collect();
        let topic = self.topics.of(Topic::AccountBalanceUpdates);
        for partition in partitions {
            let Some(positions) = self.ledger.positions(partition) else { continue };
            let value = json::encode(&positions)?;
            let (partition, key) = (Some(partition), Some(positions::KEY));
            self.member.write(&NewRecord { topic, partition, key, value: &value }).map_err(failure)?;
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), Failure> {
        let records = self.batch.records();
        self.write_positions()?;
        let committed = self.member.commit(self.batch.done()).map_err(failure)?;
        self.batch.clear();
        match committed {
            Committed::Yes if records > 0 => {
                tracing::debug!(records, "committed");
                self.backoff.reset();
            }
            Committed::Yes => {}
            Committed::RolledBack(why) => {
                tracing::warn!(
                    records,
                    why,
                    "a transaction was rolled back; its records are processed again"
                );
                self.is_stale = true;
                std::thread::sleep(self.backoff.next_pause());
            }
        }
        Ok(())
    }

    fn assigned(&mut self, partitions: Vec<TopicPartition>) -> Result<(), Failure> {
        if let Some((topic, partition)) = partitions.iter().find(|(_, one)| one.0 >= self.partitions) {
            let message = format!(
                "topic {topic} has a partition {partition}, but had only {} when this process started: accounts would be \
                 split. Copy the topics into new ones instead of adding partitions",
                self.partitions
            );
            return Err(Failure::new(Exit::LogIdentity, message));
        }
        let [requests, updates] = Topic::INPUTS.map(|topic| self.topics.of(topic));
        if partitions.len() != Topic::INPUTS.len() * distinct(&partitions).len() {
            tracing::warn!(
                "the group has given this instance other partitions of {requests} than of {updates}, so it reads none until the \
                 next rebalance; either it has a member that reads other topics, or one of them was just created"
            );
            self.assigned.clear();
            self.is_stale = false;
            return self.member.read_from(&BTreeMap::new()).map_err(failure);
        }
        self.assigned = partitions;
        self.is_stale = true;
        Ok(())
    }

    fn revoked(&mut self, lost: bool) -> Result<(), Failure> {
        if lost || self.is_stale {
            self.member.abort("the partitions were taken away").map_err(failure)?;
        } else {
            self.commit()?;
        }
        self.batch.clear();
        self.ledger.clear();
        self.assigned.clear();
        self.is_stale = false;
        self.member.release().map_err(failure)?;
        tracing::info!(lost, "gave all partitions up");
        Ok(())
    }

    /// Goes back to the last committed transaction. It may have to be called again: the accounts are right once `is_stale` is
    /// false.
    fn recover(&mut self) -> Result<(), Failure> {
        match self.try_recover() {
            Ok(()) => Ok(()),
            Err(RestoreError::Kafka(error)) if error.is_passing() => {
                if self.warnings.is_due() {
                    tracing::warn!(%error, "waiting for the positions and the accounts");
                }
                std::thread::sleep(self.backoff.next_pause());
                Ok(())
            }
            Err(RestoreError::Kafka(error)) => Err(failure(error)),
            Err(error) => Err(Failure::with(Exit::LogIdentity)(error)),
        }
    }

    /// The offsets of the group are asked for first: that waits until no transaction that holds them is open, so that the accounts
    /// which are read next include it.
    fn try_recover(&mut self) -> Result<(), RestoreError> {
        let committed = self.member.committed(&self.assigned, REQUEST_LIMIT)?;
        let own = distinct(&self.assigned);
        let partitions: Vec<_> = own.iter().map(|partition| partition.0).collect();
        tracing::info!(?partitions, "reading the accounts");
        let restoring = restore(&self.place, &own, self.partitions);
        let restored = self.runtime.block_on(self.shell.stop.run_until_cancelled(restoring));
        // After a signal the accounts stay stale, so nothing is applied to them or committed any more.
        let Some(restored) = restored else { return Ok(()) };
        let Restored { mut accounts, positions } = restored?;
        let (mut shards, mut from, mut problems) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        for (partition, low) in self.first_positions(&own)? {
            let of_input = |topic: Topic| (self.topics.of(topic).to_owned(), partition);
            let read = |topic| committed.get(&of_input(topic)).copied();
            match start(&self.topics, partition, positions.get(&partition).copied(), low, read) {
                Ok(positions) => {
                    from.extend(Topic::INPUTS.map(|topic| (of_input(topic), positions.of(topic))));
                    let accounts = accounts.remove(&partition).unwrap_or_default();
                    shards.insert(partition, Shard { accounts, positions });
                }
                Err(problem) => problems.push(problem),
            }
        }
        if !problems.is_empty() {
            return Err(RestoreError::Start(problems));
        }
        compare(&committed, &from);
        self.ledger.restore(shards);
        self.member.read_from(&from)?;
        self.is_stale = false;
        tracing::info!(?partitions, accounts = self.ledger.accounts(), "owns these partitions");
        Ok(())
    }

    /// Where each of these partitions begins.
    fn first_positions(
        &self,
        own: &BTreeSet<Partition>,
    ) -> Result<BTreeMap<Partition, Positions>, event_log::Error> {
        let [requests, updates] = Topic::INPUTS.map(|topic| {
            let ranges = LogClient::new(&self.place.kafka_of(topic))?.offset_ranges(REQUEST_LIMIT)?;
            of_each(self.topics.of(topic), own, ranges)
        });
        let (requests, updates) = (requests?, updates?);
        let first = |one: &Partition| Positions::new(requests[one].low_watermark, updates[one].low_watermark);
        Ok(own.iter().map(|partition| (*partition, first(partition))).collect())
    }
}

fn distinct(partitions: &[TopicPartition]) -> BTreeSet<Partition> {
    partitions.iter().map(|(_, partition)| *partition).collect()
}

/// Warns where the offsets of the group are not the positions of the accounts.
fn compare(committed: &BTreeMap<TopicPartition, Position>, from: &BTreeMap<TopicPartition, Position>) {
    for (one @ (topic, partition), position) in from {
        if let Some(other) = committed.get(one).filter(|other| *other != position) {
            tracing::warn!(
                topic, %partition, group_offset = other.0, position = position.0,
                "the offset of the group is not where the accounts are; reading begins where the accounts are"
            );
        }
    }
}
