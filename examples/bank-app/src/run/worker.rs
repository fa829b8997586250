//! The loop of an instance. The accounts in its memory are those of the last committed transaction, plus the open one. When
//! that cannot be committed, they are wrong, and are restored together with the positions.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use event_log::{
    Committed, LogClient, MemberStep, NewRecord, OwnedRecord, Position, TopicPartition, TransactionalMember,
};
use retry::{Backoff, Throttle};
use service::{Exit, Failure, Shell};
use tokio::runtime::Handle;

use crate::args::RunSettings;
use crate::batch::Batch;
use crate::exit::failure;
use crate::input::Input;
use crate::ledger::Ledger;
use crate::place::Place;
use crate::restore::{RestoreError, restore};
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

    fn commit(&mut self) -> Result<(), Failure> {
        let records = self.batch.records();
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

    /// Goes to where the group is: the positions first, and then the accounts, which are never older than the positions.
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
        let positions = self.positions()?;
        let own: BTreeSet<_> = self.assigned.iter().map(|(_, partition)| *partition).collect();
        let restored = restore(&self.place, &own, self.partitions);
        let restored = self.runtime.block_on(self.shell.stop.run_until_cancelled(restored));
        let Some(shards) = restored else { return Ok(()) };
        let mut shards = shards?;
        for ((topic, partition), position) in &positions {
            if self.topics.get(&Topic::AccountUpdates) == Some(topic)
                && let Some(shard) = shards.get_mut(partition)
            {
                shard.updates_position = *position;
            }
        }
        self.ledger.restore(shards);
        self.member.read_from(&positions)?;
        let partitions: Vec<_> = own.iter().map(|partition| partition.0).collect();
        tracing::info!(?partitions, accounts = self.ledger.accounts(), "owns these partitions");
        Ok(())
    }

    /// Those that the group has committed; where it has none, the first that the partition holds.
    fn positions(&self) -> Result<BTreeMap<TopicPartition, Position>, event_log::Error> {
        let mut positions = self.member.committed(&self.assigned, REQUEST_LIMIT)?;
        for topic in Topic::INPUTS {
            let name = self.place.topic(topic);
            let mut missing =
                self.assigned.iter().filter(|one| one.0 == name && !positions.contains_key(*one)).peekable();
            if missing.peek().is_none() {
                continue;
            }
            let missing: Vec<_> = missing.cloned().collect();
            let ranges = LogClient::new(&self.place.kafka_of(topic))?.offset_ranges(REQUEST_LIMIT)?;
            for one in missing {
                if let Some(range) = ranges.get(&one.1) {
                    positions.insert(one, range.low_watermark);
                }
            }
        }
        Ok(positions)
    }
}
