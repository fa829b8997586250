//! Restoring the accounts of partitions from `account_balance_updates`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use event_log::{ChunkLimits, LogClient, OffsetRange, Partition, Replay, Span, partition_of_key};

use crate::account::Account;
use crate::account_id::AccountId;
use crate::json;
use crate::place::Place;
use crate::positions::{self, Positions};
use crate::start::StartError;
use crate::topic::Topic;

const REQUEST_LIMIT: Duration = Duration::from_secs(10);

#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    #[error("{0}")]
    Kafka(#[from] event_log::Error),
    #[error("{topic}: the state at {partition}:{offset} cannot be read: {problem}")]
    Unreadable { topic: String, partition: Partition, offset: i64, problem: String },
    /// One for each partition that cannot be started, so that a person can do what all of them ask for.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join(". "))]
    Start(Vec<StartError>),
    #[error(
        "{topic}: account {account} is in partition {is}, but with {partitions} partitions it belongs to {must}: the topics \
         have been given more partitions, which splits the accounts. Copy the topics into new ones instead"
    )]
    Moved { topic: String, account: String, is: Partition, must: Partition, partitions: i32 },
}

/// What the partitions hold.
#[derive(Debug, Default)]
pub struct Restored {
    pub accounts: BTreeMap<Partition, HashMap<AccountId, Account>>,
    /// Missing where nothing was ever committed.
    pub positions: BTreeMap<Partition, Positions>,
}

/// The last committed state of each account. To be called once the offsets of the group for these partitions are known.
///
/// It reads up to the high watermark, which lies behind the records of open transactions as well. One may still be
/// open, or be committed without its markers being everywhere yet: its offsets count already, and its records must not be
/// missed. A reader of committed records waits for it, at most until the transaction times out.
pub async fn restore(
    place: &Place,
    partitions: &BTreeSet<Partition>,
    count: i32,
) -> Result<Restored, RestoreError> {
    let kafka = place.kafka_of(Topic::AccountBalanceUpdates);
    let client = LogClient::new(&kafka)?;
    let asked = tokio::task::spawn_blocking(move || {
        Ok::<_, event_log::Error>((
            client.offset_ranges(REQUEST_LIMIT)?,
            client.high_watermarks(REQUEST_LIMIT)?,
        ))
    });
    let (ranges, ends) =
        asked.await.map_err(|cause| event_log::Error::Task { attempt: "asking for the end", cause })??;
    let (ranges, ends) =
        (of_each(&kafka.topic, partitions, ranges)?, of_each(&kafka.topic, partitions, ends)?);
    let span = |(partition, range): (&Partition, &OffsetRange)| {
        (*partition, Span { from: range.low_watermark, to: ends[partition] })
    };
    let spans = ranges.iter().map(span).collect();
    let mut restored = Restored::default();
    let mut replay = Replay::start(&kafka, spans, ChunkLimits::default())?;
    while let Some(chunk) = replay.next().await {
        for (_, record) in chunk?.records() {
            let (topic, partition) = (|| kafka.topic.clone(), record.partition);
            let unreadable = |problem| {
                let offset = record.offset.0;
                RestoreError::Unreadable { topic: topic(), partition, offset, problem }
            };
            if record.key == Some(positions::KEY) {
                restored.positions.insert(partition, json::decode(record.value).map_err(unreadable)?);
                continue;
            }
            let account: Account = json::decode(record.value).map_err(unreadable)?;
            let must = partition_of_key(account.account_id.as_bytes(), count);
            if must != partition {
                let (account, partitions) = (account.account_id.to_string(), count);
                return Err(RestoreError::Moved { topic: topic(), account, is: partition, must, partitions });
            }
            let accounts = restored.accounts.entry(partition).or_default();
            accounts.insert(account.account_id.clone(), account);
        }
    }
    Ok(restored)
}

/// What was answered about these partitions. A topic that was deleted, or that a broker does not know yet, has no partitions: that
/// must not be taken for partitions without records.
pub fn of_each<T>(
    topic: &str,
    partitions: &BTreeSet<Partition>,
    mut answers: BTreeMap<Partition, T>,
) -> Result<BTreeMap<Partition, T>, event_log::Error> {
    let of = |partition: &Partition| Some((*partition, answers.remove(partition)?));
    let found: BTreeMap<_, _> = partitions.iter().filter_map(of).collect();
    if found.len() == partitions.len() {
        Ok(found)
    } else {
        Err(event_log::Error::TopicGone(topic.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_that_are_missing_are_not_empty_ones() {
        let asked = [0, 1].map(Partition).into();
        for answered in [&[][..], &[0], &[1, 2]] {
            let answers = answered.iter().map(|one| (Partition(*one), ())).collect();
            let error = of_each("t", &asked, answers).unwrap_err();
            assert!(matches!(error, event_log::Error::TopicGone(_)) && error.is_passing(), "{error}");
        }
        let answers = [0, 1, 2].map(|one| (Partition(one), one)).into();
        assert_eq!(of_each("t", &asked, answers).unwrap(), [0, 1].map(|one| (Partition(one), one)).into());
    }
}
