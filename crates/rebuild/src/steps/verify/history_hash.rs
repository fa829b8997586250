//! The build's history, hashed in blocks.

use tokio::task::JoinSet;
use views::history::HistoryRow;
use views::rebuild::{HistoryScan, LogRows};
use views::{Build, Database, SessionKind};

use super::blocks::Blocks;
use super::content::Content;
use crate::error::Result;
use crate::settings::Settings;

pub(super) async fn of(settings: &Settings, build: Build, rows: LogRows) -> Result<Blocks> {
    let mut halves = JoinSet::new();
    for second in [false, true] {
        halves.spawn(of_half(settings.database.clone(), build, rows, second));
    }
    let mut blocks = Blocks::default();
    while let Some(half) = halves.join_next().await {
        blocks.merge(half??);
    }
    Ok(blocks)
}

async fn of_half(database: Database, build: Build, rows: LogRows, second: bool) -> Result<Blocks> {
    let session = database.session("food-orders rebuild verify", SessionKind::Sorting).await?;
    let mut scan = HistoryScan::half(&session, build, rows, second).await?;
    let mut blocks = Blocks::default();
    while let Some(row) = scan.next().await? {
        blocks.add(&Content::of_row(&HistoryRow::of(&row)?));
    }
    Ok(blocks)
}
