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
use crate::restore::{RestoreError, Restored, restore};
use crate::shard::Shard;
use crate::topic::Topic;

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
    topics: BTreeMap<Topic, String>,
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
            topics: Topic::ALL.map(|topic| (topic, place.topic(topic))).into(),
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
        let is_request = self.topics.get(&Topic::TransactionRequests) == Some(&record.topic);
        let outputs = if is_request { self.ledger.request(&input)? } else { self.ledger.update(&input)? };
        for output in outputs {
            let Some(topic) = self.topics.get(&output.topic) else { continue };
            let written = NewRecord {
                topic,
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
        let Some(topic) = self.topics.get(&Topic::AccountBalanceUpdates) else { return Ok(()) };
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
        let inputs = Topic::INPUTS.map(|topic| self.place.topic(topic));
        let own: BTreeSet<_> = partitions.iter().map(|(_, partition)| *partition).collect();
        if partitions.len() != inputs.len() * own.len() {
            let message = format!(
                "the group has not given the same partitions of {} and {} to this instance; does it have a member that \
                 reads other topics?",
                inputs[0], inputs[1]
            );
            return Err(Failure::new(Exit::Unexpected, message));
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

    /// Goes back to the last committed transaction. The offsets of the group are asked for first: that waits until no transaction
    /// that holds them is open, so that the accounts which are read next include it.
    fn recover(&mut self) -> Result<(), Failure> {
        match self.try_recover() {
            Ok(()) => {
                self.is_stale = false;
                Ok(())
            }
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

    fn try_recover(&mut self) -> Result<(), RestoreError> {
        let committed = self.member.committed(&self.assigned, REQUEST_LIMIT)?;
        let own: BTreeSet<_> = self.assigned.iter().map(|(_, partition)| *partition).collect();
        let restored = restore(&self.place, &own, self.partitions);
        let restored = self.runtime.block_on(self.shell.stop.run_until_cancelled(restored));
        let Some(restored) = restored else { return Ok(()) };
        let Restored { mut accounts, mut positions } = restored?;
        let missing: Vec<_> = own.iter().filter(|one| !positions.contains_key(*one)).copied().collect();
        if !missing.is_empty() {
            let first = self.first_positions()?;
            positions.extend(missing.iter().filter_map(|one| Some((*one, *first.get(one)?))));
        }
        let mut from = BTreeMap::new();
        for (partition, positions) in &positions {
            for topic in Topic::INPUTS {
                let one = (self.place.topic(topic), *partition);
                let position = Position(match topic {
                    Topic::TransactionRequests => positions.requests,
                    _ => positions.updates,
                });
                if let Some(other) = committed.get(&one).filter(|other| **other != position) {
                    tracing::warn!(
                        topic = one.0, %partition, group_offset = other.0, position = position.0,
                        "the offset of the group is not where the accounts are; reading begins where the accounts are"
                    );
                }
                from.insert(one, position);
            }
        }
        self.ledger.restore(
            positions
                .into_iter()
                .map(|(partition, positions)| {
                    let accounts = accounts.remove(&partition).unwrap_or_default();
                    (partition, Shard { accounts, positions })
                })
                .collect(),
        );
        self.member.read_from(&from)?;
        let partitions: Vec<_> = own.iter().map(|partition| partition.0).collect();
        tracing::info!(?partitions, accounts = self.ledger.accounts(), "owns these partitions");
        Ok(())
    }

    /// Where each partition begins.
    fn first_positions(&self) -> Result<BTreeMap<Partition, Positions>, event_log::Error> {
        let [requests, updates] = Topic::INPUTS
            .map(|topic| LogClient::new(&self.place.kafka_of(topic))?.offset_ranges(REQUEST_LIMIT));
        let (requests, updates) = (requests?, updates?);
        let first = requests.into_iter().filter_map(|(partition, range)| {
            let updates = updates.get(&partition)?.low_watermark;
            Some((partition, Positions::new(range.low_watermark, updates)))
        });
        Ok(first.collect())
    }
}
