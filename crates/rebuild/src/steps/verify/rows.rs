//! The rows of the history that follow from the log, and those that are stored.

use std::collections::BTreeMap;

use orders::{Offset, Partition, Record};
use views::history::HistoryRow;
use views::rebuild::HistoryScan;

use super::admission::Admission;
use super::content::Content;
use super::record_columns::RecordColumns;
use crate::differences::{Difference, Differences};
use crate::error::Result;

/// The rows of one partition.
pub(super) type Rows = BTreeMap<Offset, RecordColumns>;

/// What the history should hold of a record; `None`: nothing.
pub(super) fn expected(topic: &str, record: &Record<'_>, admission: &Admission<'_>) -> Option<RecordColumns> {
    let (event, decision) = admission.event.as_ref()?;
    let mut details = String::new();
    Some(RecordColumns::new(&Content::of_record(topic, record, event, *decision, &mut details)))
}

/// What the history holds. A record that it holds twice is a difference.
pub(super) async fn stored(
    mut scan: HistoryScan,
    partition: Partition,
    differences: &mut Differences,
) -> Result<Rows> {
    let mut rows = Rows::new();
    while let Some(bytes) = scan.next().await? {
        let row = HistoryRow::of(&bytes)?;
        let offset = row.fact_row.at.offset;
        let columns = RecordColumns::new(&Content::of_row(&row));
        if rows.insert(offset, columns).is_some() {
            let found = Some("the same record again".into());
            differences.push(Difference { found, ..record_at(partition, offset) });
        }
    }
    Ok(rows)
}

/// Each record of the log against its row in the history.
pub(super) fn compare(partition: Partition, log: &Rows, history: &Rows, differences: &mut Differences) {
    let describe = |columns: &RecordColumns| Some(format!("a record of order {}", columns.order_id()));
    for (offset, expected) in log {
        let Some(found) = history.get(offset) else {
            differences.push(Difference { expected: describe(expected), ..record_at(partition, *offset) });
            continue;
        };
        for one in expected.differing(found) {
            differences.push(Difference {
                column: Some(one.column.into()),
                order_id: Some(expected.order_id().to_owned()),
                expected: one.expected,
                found: one.found,
                ..record_at(partition, *offset)
            });
        }
    }
    for (offset, found) in history {
        if !log.contains_key(offset) {
            differences.push(Difference { found: describe(found), ..record_at(partition, *offset) });
        }
    }
}

fn record_at(partition: Partition, offset: Offset) -> Difference {
    Difference {
        table: "order_history".into(),
        partition: Some(partition.0),
        offset: Some(offset.0),
        ..Difference::default()
    }
}
