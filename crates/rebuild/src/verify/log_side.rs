//! The log, read once more from offset 0 and hashed in blocks; and every record that
//! cannot be decoded, or was discarded, must be a dead letter.

use std::collections::BTreeMap;
use std::sync::Arc;

use event_log::{Chunk, ChunkLimits, KafkaSettings, Replay, Span, lane_of};
use orders::{Offset, Partition, Position, Record};
use tokio::task::JoinSet;
use views::apply::Codec;
use views::decisions::Decisions;
use views::rebuild::KnownDeadLetter;

use super::Scope;
use super::admission::expected;
use super::blocks::Blocks;
use super::content::Content;
use crate::differences::{Difference, Differences};
use crate::error::Result;
use crate::progress::Meter;
use crate::settings::Settings;

const READERS: usize = 2;

type DeadLetters = BTreeMap<(Partition, Offset), KnownDeadLetter>;

pub(super) async fn hash(
    settings: &Settings,
    scope: &Scope,
    meter: &Arc<Meter>,
) -> Result<(Blocks, Differences)> {
    let mut dead_letters = scope.dead_letters.clone();
    let mut readers = JoinSet::new();
    for reader in 0..READERS {
        let mine = |partition: &Partition| lane_of(*partition, READERS) == reader;
        let spans: BTreeMap<Partition, Span> = scope
            .positions
            .iter()
            .filter(|(partition, to)| mine(partition) && to.0 > 0)
            .map(|(partition, to)| (partition, Span { from: Position::START, to }))
            .collect();
        let dead_letters: DeadLetters =
            dead_letters.extract_if(.., |(partition, _), _| mine(partition)).collect();
        let comparison = Comparison {
            codec: settings.codec.clone(),
            dead_letters,
            decisions: scope.decisions.clone(),
            blocks: Blocks::default(),
            differences: Differences::default(),
        };
        readers.spawn(read(settings.kafka.clone(), spans, comparison, Arc::clone(meter)));
    }
    let (mut blocks, mut differences) = (Blocks::default(), Differences::default());
    while let Some(reader) = readers.join_next().await {
        let comparison = reader??;
        blocks.merge(comparison.blocks);
        differences.extend(comparison.differences);
    }
    Ok((blocks, differences))
}

async fn read(
    kafka: KafkaSettings,
    spans: BTreeMap<Partition, Span>,
    mut comparison: Comparison,
    meter: Arc<Meter>,
) -> Result<Comparison> {
    if !spans.is_empty() {
        let mut replay = Replay::start(&kafka, spans, ChunkLimits::SMALL)?;
        while let Some(chunk) = replay.next().await {
            let chunk = chunk?;
            comparison.take(&chunk);
            meter.add(chunk.len() as u64);
        }
    }
    comparison.finish();
    Ok(comparison)
}

struct Comparison {
    codec: Codec,
    /// Those that were not met in the log yet.
    dead_letters: DeadLetters,
    decisions: Decisions,
    blocks: Blocks,
    differences: Differences,
}

impl Comparison {
    fn take(&mut self, chunk: &Chunk) {
        for (_, record) in chunk.records() {
            let dead_letter = self.dead_letters.remove(&(record.partition, record.offset));
            let decided = self.decisions.of(record.partition, record.offset);
            let expected = expected(&self.codec, &record, decided, dead_letter.as_ref());
            if let Some((event, decision)) = &expected.event {
                self.blocks.add(&Content::of_record(&self.codec.topic, &record, event, *decision));
            }
            if let Some((expected, found)) = expected.dead_letter {
                self.differ(&record, expected, found);
            }
        }
    }

    fn differ(&mut self, record: &Record<'_>, expected: Option<String>, found: Option<String>) {
        self.differences.push(Difference {
            table: "dead_letters".into(),
            partition: Some(record.partition.0),
            offset: Some(record.offset.0),
            column: Some("cause".into()),
            expected,
            found,
            ..Difference::default()
        });
    }

    /// Dead letters about records that the log does not have.
    fn finish(&mut self) {
        for ((partition, offset), dead_letter) in std::mem::take(&mut self.dead_letters) {
            self.differences.push(Difference {
                table: "dead_letters".into(),
                partition: Some(partition.0),
                offset: Some(offset.0),
                found: Some(dead_letter.cause),
                ..Difference::default()
            });
        }
    }
}
