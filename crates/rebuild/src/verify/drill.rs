//! A closer look at blocks that differ: which record, which column.

use std::borrow::Cow;
use std::collections::BTreeMap;

use event_log::{ChunkLimits, Replay, Span};
use orders::Offset;
use views::SessionKind;
use views::history::HistoryRow;
use views::rebuild::HistoryScan;

use super::Scope;
use super::admission::expected;
use super::blocks::Block;
use super::content::Content;
use crate::differences::{Difference, Differences};
use crate::error::Result;
use crate::settings::Settings;

/// More of them are only counted.
const EXPLORED: usize = 32;

/// Column and value, as text; and the details by meaning.
#[derive(Debug, PartialEq)]
struct Shown {
    columns: [(&'static str, Option<String>); 10],
    details: Option<u64>,
}

impl Shown {
    fn new(content: &Content<'_>, details_text: Option<Cow<'_, str>>) -> Self {
        let columns = [
            ("order_id", Some(content.order_id.to_string())),
            ("event", Some(content.event.to_owned())),
            ("status", Some(content.status.to_owned())),
            ("sequence", Some(content.sequence.to_string())),
            ("event_id", Some(content.event_id.to_string())),
            ("occurred_at", Some(content.occurred_at.to_string())),
            ("appended_at", Some(content.appended_at.to_string())),
            ("details", details_text.map(Cow::into_owned)),
            ("trace_id", content.trace_id.map(str::to_owned)),
            ("decision", content.decision.map(|decision| decision.to_string())),
        ];
        Self { columns, details: content.details }
    }
}

pub(super) async fn down(settings: &Settings, scope: &Scope, blocks: &[Block]) -> Result<Differences> {
    let mut differences = Differences::default();
    for block in blocks.iter().take(EXPLORED) {
        let log = of_log(settings, scope, *block).await?;
        let history = of_history(settings, scope, *block, &mut differences).await?;
        compare(*block, &log, &history, &mut differences);
    }
    differences.unexplored_stretches = blocks.len().saturating_sub(EXPLORED) as u64;
    Ok(differences)
}

type Rows = BTreeMap<Offset, Shown>;

/// What the history should hold of a block.
async fn of_log(settings: &Settings, scope: &Scope, block: Block) -> Result<Rows> {
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
            let expected = expected(&settings.codec, &record, decided, dead_letter);
            let Some((decoded, decision)) = expected.event else { continue };
            let mut details = String::from("{");
            decoded.fact.fields.write_members(&mut details);
            details.push('}');
            let details = (!decoded.fact.fields.is_empty()).then_some(Cow::Owned(details));
            let content = Content::of_record(&settings.codec.topic, &record, &decoded, decision);
            rows.insert(record.offset, Shown::new(&content, details));
        }
    }
    Ok(rows)
}

async fn of_history(
    settings: &Settings,
    scope: &Scope,
    block: Block,
    differences: &mut Differences,
) -> Result<Rows> {
    let session = settings.database.session("food-orders rebuild verify", SessionKind::Short).await?;
    let (from, to) = block.offsets(orders::Position(i64::MAX));
    let mut scan = HistoryScan::stretch(&session, scope.build, block.partition, from, to).await?;
    let mut rows = Rows::new();
    while let Some(bytes) = scan.next().await? {
        let row = HistoryRow::of(&bytes)?;
        let content = Content::of_row(&row);
        let shown = Shown::new(&content, row.fact_row.details.map(Cow::Borrowed));
        if rows.contains_key(&content.offset) {
            differences.push(whole(block, content.offset, None, Some("the same record again".into())));
        }
        rows.insert(content.offset, shown);
    }
    Ok(rows)
}

fn compare(block: Block, log: &Rows, history: &Rows, differences: &mut Differences) {
    for (offset, expected) in log {
        let Some(found) = history.get(offset) else {
            let order_id = expected.columns[0].1.clone();
            differences.push(whole(
                block,
                *offset,
                order_id.map(|id| format!("a record of order {id}")),
                None,
            ));
            continue;
        };
        for (one, other) in expected.columns.iter().zip(&found.columns) {
            let differs = if one.0 == "details" { expected.details != found.details } else { one != other };
            if differs {
                differences.push(Difference {
                    column: Some(one.0.into()),
                    order_id: expected.columns[0].1.clone(),
                    ..whole(block, *offset, one.1.clone(), other.1.clone())
                });
            }
        }
    }
    for (offset, found) in history {
        if !log.contains_key(offset) {
            let order_id = found.columns[0].1.clone();
            differences.push(whole(
                block,
                *offset,
                None,
                order_id.map(|id| format!("a record of order {id}")),
            ));
        }
    }
}

fn whole(block: Block, offset: Offset, expected: Option<String>, found: Option<String>) -> Difference {
    Difference {
        table: "order_history".into(),
        partition: Some(block.partition.0),
        offset: Some(offset.0),
        expected,
        found,
        ..Difference::default()
    }
}
