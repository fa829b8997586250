//! A consumer that handles records by a row in PostgreSQL, in one of three orders. It ends at the end of the topic.

use std::time::Duration;

use clap::ValueEnum;
use output::say;
use rdkafka::Offset;
use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::topic_partition_list::TopicPartitionList;

use crate::Result;
use crate::kafka::{Kafka, Reader, text};
use crate::sink::Sink;

/// In which order a record is handled and its offset committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Order {
    CommitFirst,
    HandleFirst,
    /// The row and the position are written in one transaction of the database, and reading begins at that position.
    Together,
}

impl Order {
    pub fn name(self) -> &'static str {
        match self {
            Self::CommitFirst => "commit-first",
            Self::HandleFirst => "handle-first",
            Self::Together => "together",
        }
    }
}

/// Between the two steps of the record at `pause_at`, it says so and waits to be killed.
pub async fn handle(
    kafka: &Kafka,
    database: &str,
    order: Order,
    topic: &str,
    pause_at: Option<i64>,
) -> Result<()> {
    let mut database = Sink::of(database, topic).connect().await?;
    let consumer = kafka.consumer(&[
        ("group.id", topic),
        ("enable.auto.commit", "false"),
        ("enable.partition.eof", "true"),
    ])?;
    let stored: i64 = database.query_one("SELECT next FROM position", &[]).await?.get(0);
    let mut from = TopicPartitionList::new();
    let begin = if order == Order::Together { Offset::Offset(stored) } else { committed(&consumer, topic)? };
    from.add_partition_offset(topic, 0, begin)?;
    consumer.assign(&from)?;
    let pause = async |offset| {
        if pause_at == Some(offset) {
            say!("paused");
            std::future::pending::<()>().await;
        }
    };
    const INSERT: &str = "INSERT INTO handled VALUES ($1)";
    loop {
        let record = match consumer.recv().await {
            Ok(record) => record,
            Err(KafkaError::PartitionEOF(_)) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let (offset, text) = (record.offset(), text(&record));
        match order {
            Order::CommitFirst => {
                consumer.commit_message(&record, CommitMode::Sync)?;
                pause(offset).await;
                database.execute(INSERT, &[&text]).await?;
            }
            Order::HandleFirst => {
                database.execute(INSERT, &[&text]).await?;
                pause(offset).await;
                consumer.commit_message(&record, CommitMode::Sync)?;
            }
            Order::Together => {
                let transaction = database.transaction().await?;
                transaction.execute(INSERT, &[&text]).await?;
                pause(offset).await;
                transaction.execute("UPDATE position SET next = $1", &[&(offset + 1)]).await?;
                transaction.commit().await?;
            }
        }
    }
}

/// The offset that the group has committed.
fn committed(consumer: &Reader, topic: &str) -> Result<Offset> {
    let mut asked = TopicPartitionList::new();
    asked.add_partition(topic, 0);
    let committed = consumer.committed_offsets(asked, Duration::from_secs(30))?;
    Ok(match committed.find_partition(topic, 0).map(|partition| partition.offset()) {
        Some(Offset::Offset(offset)) => Offset::Offset(offset),
        _ => Offset::Beginning,
    })
}
