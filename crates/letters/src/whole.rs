//! The records of letters, whole: put together from what a letter keeps, or read from the log.

use std::time::Duration;

use event_log::{Chunk, KafkaSettings};
use orders::Record;
use views::read::Letter;

use crate::error::Result;

const TIMEOUT: Duration = Duration::from_secs(8);

/// Letters with what is needed to see their records.
pub(crate) struct Whole {
    letters: Vec<(Letter, Vec<u8>)>,
    /// Of those that keep only a part.
    read: Chunk,
}

impl Whole {
    /// `letters` with their bytes. Asks the log only where it has to.
    pub(crate) async fn of(kafka: &KafkaSettings, letters: Vec<Letter>) -> Result<Self> {
        let cut = letters.iter().filter(|letter| !letter.is_whole());
        let places: Vec<_> = cut.map(|letter| (letter.id.partition, letter.id.offset)).collect();
        let read = if places.is_empty() {
            Chunk::default()
        } else {
            let kafka = kafka.clone();
            tokio::task::spawn_blocking(move || event_log::pick(&kafka, &places, TIMEOUT)).await??
        };
        let letters = letters.into_iter().map(|letter| {
            let headers = letter.header_bytes();
            (letter, headers)
        });
        Ok(Self { letters: letters.collect(), read })
    }

    /// Each letter with its record; `None`: the log no longer has it, or another one in its place.
    pub(crate) fn records(&self) -> impl Iterator<Item = (&Letter, Option<Record<'_>>)> {
        self.letters.iter().map(|(letter, headers)| {
            let record = match letter.is_whole() {
                true => Some(letter.record(headers)),
                false => self.read.records().map(|(_, record)| record).find(|record| {
                    (record.partition, record.offset) == (letter.id.partition, letter.id.offset)
                        && letter.is_about(record)
                }),
            };
            (letter, record)
        })
    }
}
