//! The build's history in one pass in the order of the order ids: hashed in blocks, to be compared with the log, and
//! folded, to be compared with table `orders`.

use std::sync::Arc;

use bytes::Bytes;
use views::rebuild::{LogRows, OrderGroups, OrderScan, OrderSet, StoredRecord};
use views::{Build, Database, SessionKind, Totals};

use super::blocks::Blocks;
use super::content::Content;
use super::fold::{self, Folded};
use super::scope::Scope;
use crate::differences::Differences;
use crate::error::Result;
use crate::meter::Meter;
use crate::settings::Settings;
use crate::shares::Shares;

/// What was read, and what was found on the way.
#[derive(Default)]
pub(super) struct History {
    pub(super) blocks: Blocks,
    /// Orders that are not what their records merge to.
    pub(super) differences: Differences,
    /// How many orders have each status, and how many records were taken over from the live build.
    pub(super) totals: Totals,
}

pub(super) async fn read(settings: &Settings, scope: &Scope, meter: &Arc<Meter>) -> Result<History> {
    let session = settings.database.session("food-orders rebuild verify", SessionKind::Short).await?;
    let mut shares = Shares::new();
    for orders in OrderSet::shares(&session, scope.build).await? {
        let database = settings.database.clone();
        shares.add(read_share(database, scope.build, scope.rows, orders, Arc::clone(meter)));
    }
    let mut history = History::default();
    while let Some(share) = shares.next().await? {
        history.blocks.merge(share.blocks);
        history.differences.extend(share.differences);
        history.totals += share.totals;
    }
    Ok(history)
}

async fn read_share(
    database: Database,
    build: Build,
    rows: LogRows,
    orders: OrderSet,
    meter: Arc<Meter>,
) -> Result<History> {
    let history = database.session("food-orders rebuild fold", SessionKind::Sorting).await?;
    let table = database.session("food-orders rebuild verify", SessionKind::Sorting).await?;
    let groups = OrderGroups::open_complete(&history, build, &orders).await?;
    let stored = OrderScan::open(&table, build, &orders).await?;
    let mut blocks = Blocks::default();
    let mut kept = 0;
    let mut see = |row: &Bytes| {
        let stored = StoredRecord::of(row)?;
        if rows == LogRows::All || !stored.is_kept {
            blocks.add(&Content::of_row(&stored.row));
        } else {
            kept += 1;
        }
        Ok(())
    };
    let report = |records| meter.add(records);
    let Folded { differences, orders: mut totals } =
        fold::compare_groups(groups, stored, &mut see, report).await?;
    totals.records = kept;
    Ok(History { blocks, differences, totals })
}
