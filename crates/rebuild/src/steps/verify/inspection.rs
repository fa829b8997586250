//! A closer look at blocks whose hashes differ: which record, and which column.

use std::collections::BTreeMap;

use event_log::{ChunkLimits, Replay, Span};
use orders::Position;
use views::SessionKind;
use views::rebuild::HistoryScan;

use super::admission::Admission;
use super::blocks::Block;
use super::rows::{self, Rows};
use super::scope::Scope;
use crate::differences::Differences;
use crate::error::Result;
use crate::settings::Settings;

/// Further blocks are only counted.
const INSPECTED_BLOCKS: usize = 32;

pub(super) async fn inspect(settings: &Settings, scope: &Scope, blocks: &[Block]) -> Result<Differences> {
    let mut differences = Differences::default();
    for block in blocks.iter().take(INSPECTED_BLOCKS) {
        let log = expected_rows(settings, scope, *block).await?;
        let history = stored_rows(settings, scope, *block, &mut differences).await?;
        rows::compare(block.partition, &log, &history, &mut differences);
    }
    differences.unexplored_stretches = blocks.len().saturating_sub(INSPECTED_BLOCKS) as u64;
    Ok(differences)
}

/// What the history should hold of a block, by the log.
async fn expected_rows(settings: &Settings, scope: &Scope, block: Block) -> Result<Rows> {
    let mut expected = Rows::new();
    let Some(end) = scope.positions.get(block.partition) else { return Ok(expected) };
    let (from, to) = block.offsets(end);
    let from = from.max(scope.begin(block.partition));
    let spans = BTreeMap::from([(block.partition, Span { from, to })]);
    let mut replay = Replay::start(&settings.kafka, spans, ChunkLimits::SMALL)?;
    while let Some(chunk) = replay.next().await {
        let chunk = chunk?;
        let records = chunk.records().map(|(_, record)| record);
        let mut decoder =
            settings.schemas.decoder(&settings.codec, records.clone(), &scope.decisions).await?;
        for record in records {
            decoder.make_room();
            let decided = scope.decisions.of(record.partition, record.offset);
            let dead_letter = scope.dead_letters.get(&(record.partition, record.offset));
            let admission = Admission::of(&decoder, &record, decided, dead_letter);
            if let Some(columns) = rows::expected(&settings.codec.topic, &record, &admission) {
                expected.insert(record.offset, columns);
            }
        }
    }
    Ok(expected)
}

/// What the history holds of a block. A record that it holds twice is a difference.
async fn stored_rows(
    settings: &Settings,
    scope: &Scope,
    block: Block,
    differences: &mut Differences,
) -> Result<Rows> {
    let session = settings.database.session("food-orders rebuild verify", SessionKind::Short).await?;
    // Rows beyond the position must not be there.
    let (from, to) = block.offsets(Position(i64::MAX));
    let scan = HistoryScan::stretch(&session, scope.build, scope.rows, block.partition, from, to).await?;
    rows::stored(scan, block.partition, differences).await
}
