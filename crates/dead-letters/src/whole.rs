//! The records of dead letters, whole: put together from what a dead letter keeps, or read from the log.

use std::time::Duration;

use event_log::{Chunk, KafkaSettings};
use orders::Record;
use views::read::DeadLetter;

use crate::error::Result;

const TIMEOUT: Duration = Duration::from_secs(8);

/// Dead letters with what is needed to see their records.
pub(crate) struct Whole {
    dead_letters: Vec<(DeadLetter, Vec<u8>)>,
    /// Of those that keep only a part.
    read: Chunk,
}

impl Whole {
    /// `dead_letters` with their bytes. Asks the log only where it has to.
    pub(crate) async fn of(kafka: &KafkaSettings, dead_letters: Vec<DeadLetter>) -> Result<Self> {
        let cut = dead_letters.iter().filter(|dead_letter| !dead_letter.is_whole());
        let places: Vec<_> =
            cut.map(|dead_letter| (dead_letter.id.partition, dead_letter.id.offset)).collect();
        let read = if places.is_empty() {
            Chunk::default()
        } else {
            let kafka = kafka.clone();
            tokio::task::spawn_blocking(move || event_log::pick(&kafka, &places, TIMEOUT)).await??
        };
        let dead_letters = dead_letters.into_iter().map(|dead_letter| {
            let headers = dead_letter.header_bytes();
            (dead_letter, headers)
        });
        Ok(Self { dead_letters: dead_letters.collect(), read })
    }

    /// Each dead letter with its record; `None`: the log no longer has it, or another one in its place.
    pub(crate) fn records(&self) -> impl Iterator<Item = (&DeadLetter, Option<Record<'_>>)> {
        self.dead_letters.iter().map(|(dead_letter, headers)| {
            let record = match dead_letter.is_whole() {
                true => Some(dead_letter.record(headers)),
                false => self.read.records().map(|(_, record)| record).find(|record| {
                    (record.partition, record.offset) == (dead_letter.id.partition, dead_letter.id.offset)
                        && dead_letter.is_about(record)
                }),
            };
            (dead_letter, record)
        })
    }
}
