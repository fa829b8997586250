//! The build's history, hashed in blocks.

use tokio::task::JoinSet;
use views::Database;
use views::rebuild::{HistoryRow, HistoryScan};

use super::blocks::Blocks;
use super::content::Content;
use crate::context::SORTING;
use crate::error::Result;
use crate::settings::Settings;

pub(super) async fn of(settings: &Settings, build: i64) -> Result<Blocks> {
    let mut halves = JoinSet::new();
    for second in [false, true] {
        halves.spawn(of_half(settings.database.clone(), build, second));
    }
    let mut blocks = Blocks::default();
    while let Some(half) = halves.join_next().await {
        blocks.merge(half??);
    }
    Ok(blocks)
}

async fn of_half(database: Database, build: i64, second: bool) -> Result<Blocks> {
    let session = database.session("food-orders rebuild verify", &SORTING).await?;
    let mut scan = HistoryScan::half(&session.client, build, second).await?;
    let mut blocks = Blocks::default();
    while let Some(row) = scan.next().await? {
        blocks.add(&Content::of_row(&HistoryRow::of(&row)?));
    }
    Ok(blocks)
}
