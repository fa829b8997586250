//! The log, read once more from offset 0 and hashed in blocks. Records that cannot be
//! decoded, or that an operator discarded, are compared with the build's dead letters.

use std::collections::BTreeMap;
use std::sync::Arc;

use event_log::{Chunk, ChunkLimits, KafkaSettings, Replay, Span, lane_of};
use orders::{Offset, Partition};
use tokio::task::JoinSet;
use views::apply::Codec;
use views::decisions::Decisions;
use views::rebuild::KnownDeadLetter;

use super::admission::{Admission, without_record};
use super::blocks::Blocks;
use super::content::Content;
use super::scope::Scope;
use crate::differences::Differences;
use crate::error::Result;
use crate::meter::Meter;
use crate::settings::Settings;

const READERS: usize = 2;

type DeadLetters = BTreeMap<(Partition, Offset), KnownDeadLetter>;

pub(super) async fn of(
    settings: &Settings,
    scope: &Scope,
    meter: &Arc<Meter>,
) -> Result<(Blocks, Differences)> {
    let mut dead_letters = scope.dead_letters.clone();
    let mut readers = JoinSet::new();
    for number in 0..READERS {
        let is_mine = |partition: Partition| lane_of(partition, READERS) == number;
        let spans: BTreeMap<Partition, Span> = scope
            .positions
            .iter()
            .filter(|(partition, to)| is_mine(*partition) && scope.begin(*partition) < *to)
            .map(|(partition, to)| (partition, Span { from: scope.begin(partition), to }))
            .collect();
        let reader = Reader {
            codec: settings.codec.clone(),
            dead_letters: dead_letters.extract_if(.., |(partition, _), _| is_mine(*partition)).collect(),
            decisions: scope.decisions.clone(),
            blocks: Blocks::default(),
            differences: Differences::default(),
        };
        readers.spawn(reader.read(settings.kafka.clone(), spans, Arc::clone(meter)));
    }
    let (mut blocks, mut differences) = (Blocks::default(), Differences::default());
    while let Some(reader) = readers.join_next().await {
        let reader = reader??;
        blocks.merge(reader.blocks);
        differences.extend(reader.differences);
    }
    Ok((blocks, differences))
}

/// Reads some of the partitions.
struct Reader {
    codec: Codec,
    /// The dead letters whose record was not read yet.
    dead_letters: DeadLetters,
    decisions: Decisions,
    blocks: Blocks,
    differences: Differences,
}

impl Reader {
    async fn read(
        mut self,
        kafka: KafkaSettings,
        spans: BTreeMap<Partition, Span>,
        meter: Arc<Meter>,
    ) -> Result<Self> {
        if !spans.is_empty() {
            let mut replay = Replay::start(&kafka, spans, ChunkLimits::SMALL)?;
            while let Some(chunk) = replay.next().await {
                let chunk = chunk?;
                self.add(&chunk);
                meter.add(chunk.len() as u64);
            }
        }
        self.add_unmatched_dead_letters();
        Ok(self)
    }

    fn add(&mut self, chunk: &Chunk) {
        for (_, record) in chunk.records() {
            let at = (record.partition, record.offset);
            let dead_letter = self.dead_letters.remove(&at);
            let decided = self.decisions.of(record.partition, record.offset);
            let admission = Admission::of(&self.codec, &record, decided, dead_letter.as_ref());
            if let Some((event, decision)) = &admission.event {
                self.blocks.add(&Content::of_record(&self.codec.topic, &record, event, *decision));
            }
            if let Some(mismatch) = admission.mismatch {
                self.differences.push(mismatch.at(at));
            }
        }
    }

    /// Dead letters whose records are not in the log.
    fn add_unmatched_dead_letters(&mut self) {
        for (at, dead_letter) in std::mem::take(&mut self.dead_letters) {
            self.differences.push(without_record(at, dead_letter));
        }
    }
}
