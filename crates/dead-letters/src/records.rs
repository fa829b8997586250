//! The complete records of dead letters. They are put together from what a dead letter keeps or, if it keeps
//! only a part, read from the log.

use std::time::Duration;

use event_log::{Chunk, KafkaSettings};
use orders::Record;
use views::read::DeadLetter;

use crate::error::{Error, Result};

const LOG_READ_LIMIT: Duration = Duration::from_secs(8);

/// Dead letters together with the memory that their records borrow from.
pub(crate) struct Records {
    /// Each dead letter with its headers in the form in which a record has them.
    dead_letters: Vec<(DeadLetter, Vec<u8>)>,
    /// What the log holds at the offsets of the dead letters that keep only a part.
    from_log: Chunk,
}

impl Records {
    /// `dead_letters` must have been read with their bytes. The log is read only if one of them keeps a part.
    pub(crate) async fn read(kafka: &KafkaSettings, dead_letters: Vec<DeadLetter>) -> Result<Self> {
        let partial = dead_letters.iter().filter(|dead_letter| !dead_letter.is_whole());
        let offsets: Vec<_> =
            partial.map(|dead_letter| (dead_letter.id.partition, dead_letter.id.offset)).collect();
        let from_log = if offsets.is_empty() {
            Chunk::default()
        } else {
            let kafka = kafka.clone();
            tokio::task::spawn_blocking(move || event_log::pick(&kafka, &offsets, LOG_READ_LIMIT))
                .await
                .map_err(|cause| Error::LogReader { cause })??
        };
        let with_headers = |dead_letter: DeadLetter| {
            let headers = dead_letter.header_bytes();
            (dead_letter, headers)
        };
        Ok(Self { dead_letters: dead_letters.into_iter().map(with_headers).collect(), from_log })
    }

    /// Each dead letter with its record; `None` if the log no longer holds that record.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&DeadLetter, Option<Record<'_>>)> {
        self.dead_letters.iter().map(|(dead_letter, headers)| {
            let record = match dead_letter.is_whole() {
                true => Some(dead_letter.record(headers)),
                false => self.from_log.records().map(|(_, record)| record).find(|record| {
                    (record.partition, record.offset) == (dead_letter.id.partition, dead_letter.id.offset)
                        && dead_letter.is_about(record)
                }),
            };
            (dead_letter, record)
        })
    }
}
