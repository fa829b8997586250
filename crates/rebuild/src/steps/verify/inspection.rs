//! A closer look at blocks whose hashes differ: which record, and which column.

use std::borrow::Cow;
use std::collections::BTreeMap;

use event_log::{ChunkLimits, Replay, Span};
use orders::{Offset, Position};
use views::SessionKind;
use views::history::HistoryRow;
use views::rebuild::HistoryScan;

use super::admission::Admission;
use super::blocks::Block;
use super::content::Content;
use super::record_columns::RecordColumns;
use super::scope::Scope;
use crate::differences::{Difference, Differences};
use crate::error::Result;
use crate::settings::Settings;

/// Further blocks are only counted.
const INSPECTED_BLOCKS: usize = 32;

pub(super) async fn inspect(settings: &Settings, scope: &Scope, blocks: &[Block]) -> Result<Differences> {
    let mut differences = Differences::default();
    for block in blocks.iter().take(INSPECTED_BLOCKS) {
        let log = expected_rows(settings, scope, *block).await?;
        let history = stored_rows(settings, scope, *block, &mut differences).await?;
        compare(*block, &log, &history, &mut differences);
    }
    differences.unexplored_stretches = blocks.len().saturating_sub(INSPECTED_BLOCKS) as u64;
    Ok(differences)
}

type Rows = BTreeMap<Offset, RecordColumns>;

/// What the history should hold of a block, by the log.
async fn expected_rows(settings: &Settings, scope: &Scope, block: Block) -> Result<Rows> {
    let mut rows = Rows::new();
    let Some(end) = scope.positions.get(block.partition) else { return Ok(rows) };
    let (from, to) = block.offsets(end);
    let spans = BTreeMap::from([(block.partition, Span { from, to })]);
    let mut replay = Replay::start(&settings.kafka, spans, ChunkLimits::SMALL)?;
    while let Some(chunk) = replay.next().await {
        let chunk = chunk?;
        for (_, record) in chunk.records() {
            let decided = scope.decisions.of(record.partition, record.offset);
            let dead_letter = scope.dead_letters.get(&(record.partition, record.offset));
            let admission = Admission::of(&settings.codec, &record, decided, dead_letter);
            let Some((event, decision)) = admission.event else { continue };
            let fields = &event.fact.fields;
            let mut details = String::from("{");
            fields.write_members(&mut details);
            details.push('}');
            let details = (!fields.is_empty()).then_some(Cow::Owned(details));
            let content = Content::of_record(&settings.codec.topic, &record, &event, decision);
            rows.insert(record.offset, RecordColumns::new(&content, details));
        }
    }
    Ok(rows)
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
    let mut scan = HistoryScan::stretch(&session, scope.build, block.partition, from, to).await?;
    let mut rows = Rows::new();
    while let Some(bytes) = scan.next().await? {
        let row = HistoryRow::of(&bytes)?;
        let offset = row.fact_row.at.offset;
        let columns = RecordColumns::new(&Content::of_row(&row), row.fact_row.details.map(Cow::Borrowed));
        if rows.insert(offset, columns).is_some() {
            let found = Some("the same record again".into());
            differences.push(Difference { found, ..record_at(block, offset) });
        }
    }
    Ok(rows)
}

fn compare(block: Block, log: &Rows, history: &Rows, differences: &mut Differences) {
    let describe = |columns: &RecordColumns| Some(format!("a record of order {}", columns.order_id()));
    for (offset, expected) in log {
        let Some(found) = history.get(offset) else {
            differences.push(Difference { expected: describe(expected), ..record_at(block, *offset) });
            continue;
        };
        for one in expected.differing(found) {
            differences.push(Difference {
                column: Some(one.column.into()),
                order_id: Some(expected.order_id().to_owned()),
                expected: one.expected,
                found: one.found,
                ..record_at(block, *offset)
            });
        }
    }
    for (offset, found) in history {
        if !log.contains_key(offset) {
            differences.push(Difference { found: describe(found), ..record_at(block, *offset) });
        }
    }
}

fn record_at(block: Block, offset: Offset) -> Difference {
    Difference {
        table: "order_history".into(),
        partition: Some(block.partition.0),
        offset: Some(offset.0),
        ..Difference::default()
    }
}
